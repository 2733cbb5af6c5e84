import { exclusiveSuite } from './crash.ts';
import { engine } from './sqlite.engine.ts';
import { portSuites } from './suites.ts';

portSuites(engine);
exclusiveSuite(engine);
