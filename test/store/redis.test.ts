import { engine } from './redis.engine.ts';
import { portSuites } from './suites.ts';

portSuites(engine);
