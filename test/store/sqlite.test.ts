import { appendSuite } from './append.ts';
import { engine } from './sqlite.engine.ts';

appendSuite(engine);
