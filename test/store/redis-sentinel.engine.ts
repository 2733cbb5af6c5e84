/** A master, a replica and three Sentinels, shared by the tests of a process. */
import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from './engine.ts';
import { openAt } from './redis.engine.ts';
import {
  createDirectory,
  freePort,
  type RedisServer,
  replicaOnline,
  start,
  startRedis,
  SYNCED,
} from './redis.servers.ts';

const SENTINELS = 3;
/** How long a master may be silent before it is replaced. */
const DOWN_MS = 500;

/** Servers behind Sentinel. */
export interface Deployment {
  /** Without a prefix. */
  url: string;
  master: RedisServer;
  replica: RedisServer;
}

/** Starts a deployment of its own. @param settings of the master and the replica */
export async function startSentinels(settings: readonly string[] = SYNCED): Promise<Deployment> {
  const directory = await createDirectory();
  const master = await startRedis(directory, settings);
  const replica = await startRedis(directory, [...settings, '--replicaof', '127.0.0.1', String(master.port)]);
  await replicaOnline(master);
  const ports: number[] = [];
  for (let i = 0; i < SENTINELS; i++) {
    const port = await freePort();
    const file = join(directory, `sentinel-${i}.conf`);
    await appendFile(
      file,
      `port ${port}
bind 127.0.0.1
dir ${directory}
logfile /dev/null
sentinel monitor armada 127.0.0.1 ${master.port} 2
sentinel down-after-milliseconds armada ${DOWN_MS}
sentinel failover-timeout armada 3000
`,
    );
    await start('redis-sentinel', [file], port);
    ports.push(port);
  }
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return { url: `redis+sentinel://${hosts}/armada`, master, replica };
}

let shared: Promise<Deployment> | undefined;

export const engine: Engine = {
  module: import.meta.url,
  async createPlace() {
    shared ??= startSentinels();
    return `${(await shared).url}?prefix=${randomUUID()}:`;
  },
  open: openAt,
  removePlace: () => Promise.resolve(),
};
