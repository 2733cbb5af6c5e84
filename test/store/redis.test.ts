import { engine } from './redis.engine.ts';
import { redisSuites } from './redis.suites.ts';

redisSuites(engine);
