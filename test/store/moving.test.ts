import { modelSuite } from './model-check.ts';
import { movingEngine } from './moving.engine.ts';
import { REDIS, SQLITE } from './moving.houses.ts';

modelSuite(movingEngine([SQLITE, REDIS, REDIS, SQLITE]));
