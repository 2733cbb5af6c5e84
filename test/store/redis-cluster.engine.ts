/** A Cluster of three masters, shared by the tests of a process. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Engine } from './engine.ts';
import { openAt } from './redis.engine.ts';
import { createDirectory, redisCli, type RedisServer, startRedis, SYNCED } from './redis.servers.ts';

/** A running Cluster. */
export interface Cluster {
  /** Without a prefix. */
  url: string;
  servers: RedisServer[];
}

/** Starts a Cluster of its own. @param replicas of each of the three masters */
export async function startCluster(replicas = 0): Promise<Cluster> {
  const directory = await createDirectory();
  const settings = [...SYNCED, '--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
  const servers = await Promise.all(
    Array.from({ length: 3 * (1 + replicas) }, () => startRedis(directory, settings)),
  );
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const replicated = ['--cluster-replicas', String(replicas)];
  await promisify(execFile)('redis-cli', [
    '--cluster',
    'create',
    ...addresses,
    ...replicated,
    '--cluster-yes',
  ]);
  for (const { port } of servers) {
    while (!(await redisCli(port, 'cluster', 'info')).includes('cluster_state:ok')) await sleep(50);
  }
  return { url: `redis+cluster://${addresses.join(',')}/`, servers };
}

let shared: Promise<Cluster> | undefined;

export const engine: Engine = {
  module: import.meta.url,
  async createPlace() {
    shared ??= startCluster();
    return `${(await shared).url}?prefix=${randomUUID()}:`;
  },
  open: openAt,
  removePlace: () => Promise.resolve(),
};
