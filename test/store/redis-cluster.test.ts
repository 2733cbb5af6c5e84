import { engine } from './redis-cluster.engine.ts';
import { redisSuites } from './redis.suites.ts';

redisSuites(engine);
