/** Where stores of tests may move to and from. */
import { silentLogger } from '@armada-ts/server/base/logger';
import { openRedisExport } from '@armada-ts/server/store/redis/export';
import { openRedisImport } from '@armada-ts/server/store/redis/import';
import { openSqliteExport } from '@armada-ts/server/store/sqlite/export';
import { openSqliteImport } from '@armada-ts/server/store/sqlite/import';
import type { House } from './moving.engine.ts';
import { engine as cluster } from './redis-cluster.engine.ts';
import { engine as sentinel } from './redis-sentinel.engine.ts';
import { engine as redis } from './redis.engine.ts';
import { engine as sqlite } from './sqlite.engine.ts';

export const SQLITE: House = {
  engine: sqlite,
  openExport: async (place) => openSqliteExport(place),
  openImport: async (place) => openSqliteImport(place),
};

const inRedis = {
  openExport: openRedisExport,
  openImport: (url: string) => openRedisImport({ url, logger: silentLogger }),
};

export const REDIS: House = { engine: redis, ...inRedis };
export const CLUSTER: House = { engine: cluster, ...inRedis };
export const SENTINEL: House = { engine: sentinel, ...inRedis };
