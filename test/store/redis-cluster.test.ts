import { engine } from './redis-cluster.engine.ts';
import { portSuites } from './suites.ts';

portSuites(engine);
