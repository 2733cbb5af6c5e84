import { engine } from './redis-sentinel.engine.ts';
import { portSuites } from './suites.ts';

portSuites(engine);
