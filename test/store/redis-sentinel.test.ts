import { engine } from './redis-sentinel.engine.ts';
import { redisSuites } from './redis.suites.ts';

redisSuites(engine);
