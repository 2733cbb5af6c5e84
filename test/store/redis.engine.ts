/** One Redis server, shared by the tests of a process; every place is a prefix in it. A place is a URL, so that child processes find it too. */
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { openRedisStore } from '@armada-ts/server/store/redis/open';
import type { AcknowledgementLevel, Store } from '@armada-ts/server/store/store';
import { randomUUID } from 'node:crypto';
import type { Engine, OpenOptions } from './engine.ts';
import { createDirectory, type RedisServer, startRedis, SYNCED } from './redis.servers.ts';

let shared: Promise<RedisServer> | undefined;

/** The server that the places of this process are in. */
export async function sharedRedis(): Promise<RedisServer> {
  shared ??= createDirectory().then((directory) => startRedis(directory, SYNCED));
  return await shared;
}

/** Opens the store at a URL, as the conformance suite wants it. */
export function openAt(
  url: string,
  options: OpenOptions & { acknowledgement?: AcknowledgementLevel } = {},
): Promise<Store> {
  const { clock = systemClock, partitions, tailEntries, acknowledgement } = options;
  return openRedisStore({
    url,
    clock,
    logger: silentLogger,
    ...(acknowledgement && { acknowledgement }),
    ...(partitions !== undefined && { partitions }),
    ...(tailEntries !== undefined && { limits: { tailEntries } }),
  });
}

export const engine: Engine = {
  module: import.meta.url,
  async createPlace() {
    const { port } = await sharedRedis();
    return `redis://127.0.0.1:${port}/?prefix=${randomUUID()}:`;
  },
  open: openAt,
  removePlace: () => Promise.resolve(),
};
