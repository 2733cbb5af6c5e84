/** A master, replicas and three Sentinels, one deployment of which is shared by the tests of a process. */
import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import type { Engine } from './engine.ts';
import { openAt } from './redis.engine.ts';
import {
  createDirectory,
  redisCli,
  type RedisServer,
  replicasOnline,
  start,
  startRedis,
  SYNCED,
} from './redis.servers.ts';

const SENTINELS = 3;

/** Servers behind Sentinel. */
export interface Deployment {
  /** Without a prefix. */
  url: string;
  /** As it was at first. */
  master: RedisServer;
  /** One of those that there were at first. */
  replica: RedisServer;
  /** Both, and further replicas. */
  servers: readonly RedisServer[];
  sentinelPorts: readonly number[];
}

export interface SentinelSettings {
  /** Of each Redis. */
  redis?: readonly string[];
  replicas?: number;
  /** How long a master may be silent before it is replaced. */
  downAfterMs?: number;
  failoverTimeoutMs?: number;
}

/** Starts a deployment of its own. */
export async function startSentinels({
  redis = SYNCED,
  replicas = 1,
  downAfterMs = 500,
  failoverTimeoutMs = 3_000,
}: SentinelSettings = {}): Promise<Deployment> {
  const directory = await createDirectory();
  const master = await startRedis(directory, redis);
  const followers: RedisServer[] = [];
  for (let i = 0; i < replicas; i++) {
    const follower = await startRedis(directory, redis);
    await redisCli(follower.port, 'replicaof', '127.0.0.1', String(master.port));
    followers.push(follower);
  }
  await replicasOnline(master, replicas);
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
sentinel down-after-milliseconds armada ${downAfterMs}
sentinel failover-timeout armada ${failoverTimeoutMs}
`,
    );
    await start('redis-sentinel', [file], port);
    ports.push(port);
  }
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return {
    url: `redis+sentinel://${hosts}/armada`,
    master,
    replica: followers[0]!,
    servers: [master, ...followers],
    sentinelPorts: ports,
  };
}

/** Waits until every Sentinel knows the others and all Redis, and finds them well: before, none can be replaced. */
export async function sentinelsAgree({ servers, sentinelPorts }: Deployment): Promise<void> {
  const isReady = async (port: number): Promise<boolean> => {
    const quorum = await redisCli(port, 'sentinel', 'ckquorum', 'armada');
    const replicas = await redisCli(port, 'sentinel', 'replicas', 'armada');
    const well = replicas.match(/^flags\nslave$/gm) ?? [];
    return quorum.startsWith(`OK ${sentinelPorts.length} usable`) && well.length === servers.length - 1;
  };
  for (let tries = 0; tries < 300; tries++) {
    if ((await Promise.all(sentinelPorts.map(isReady))).every(Boolean)) return;
    await sleep(100);
  }
  throw new Error('the Sentinels do not agree');
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
