// Two servers behind Sentinel, of which the Redis that is master is killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Deployment, sentinelsAgree, startSentinels } from '../store/redis-sentinel.engine.ts';
import { redisCli, type RedisServer, replicasOnline } from '../store/redis.servers.ts';
import { type LocalFleet, startFleet } from './fleet.ts';
import { MAX_AWAY_MS, planExecutors, planServers } from './fleets.ts';

const REPLICAS = 2;
/** As docs/operating-redis.md advises. */
const DOWN_AFTER_MS = 2_000;
const FAILOVER_TIMEOUT_MS = 6_000;

const FAILOVER_MS = 60_000;
const POLL_MS = 50;

/** Whichever Redis is the master. */
const MASTER = 'master';

/**
 * Servers that answer a submit once a replica has it. A master that was killed
 * comes back as a replica of the one that took its place.
 */
export async function startBehindSentinel(directory: string): Promise<LocalFleet> {
  const [fleet, redis] = await startAll(directory);
  return { ...fleet, ...redis, programs: [MASTER] };
}

/** The same, where servers and executors are killed too. */
export async function startAllBehindSentinel(directory: string): Promise<LocalFleet> {
  const [fleet, redis] = await startAll(directory);
  return {
    ...fleet,
    programs: [MASTER, ...fleet.programs],
    maxAwayMs: MAX_AWAY_MS,
    kill: (program) => (program === MASTER ? redis.kill() : fleet.kill(program)),
    start: (program) => (program === MASTER ? redis.start() : fleet.start(program)),
  };
}

/** The Redis that is master; going down is its end, coming back is that of another and then its own. */
interface Killable {
  kill(): Promise<void>;
  start(): Promise<void>;
}

async function startAll(directory: string): Promise<[fleet: LocalFleet, redis: Killable]> {
  const deployment = await startSentinels({
    replicas: REPLICAS,
    downAfterMs: DOWN_AFTER_MS,
    failoverTimeoutMs: FAILOVER_TIMEOUT_MS,
  });
  await sentinelsAgree(deployment);
  const servers = await planServers(directory, deployment.url, { acknowledgement: 'replicated' });
  const launches = { ...servers.launches, ...planExecutors(directory, servers.address) };
  const fleet = await startFleet({ ...servers, maxAwayMs: 0, launches });
  let killed: RedisServer | undefined;
  const redis: Killable = {
    kill: async () => {
      killed = await masterOf(deployment);
      await killed.kill();
    },
    start: async () => {
      const master = await masterAfter(deployment, killed);
      await killed?.restart(['--replicaof', '127.0.0.1', String(master.port)]);
      await replicasOnline(master, REPLICAS);
      await sentinelsAgree(deployment);
    },
  };
  return [fleet, redis];
}

/** The master, by what a Sentinel says. */
async function masterOf({ servers, sentinelPorts }: Deployment): Promise<RedisServer> {
  const [, port] = (await redisCli(sentinelPorts[0]!, 'sentinel', 'get-master-addr-by-name', 'armada')).split(
    '\n',
  );
  const master = servers.find((server) => String(server.port) === port);
  if (!master) throw new Error(`Sentinel names a master on port ${port}`);
  return master;
}

/** Waits for a master that is another than before, and knows it. */
async function masterAfter(deployment: Deployment, before: RedisServer | undefined): Promise<RedisServer> {
  const untilMs = performance.now() + FAILOVER_MS;
  while (performance.now() < untilMs) {
    const master = await masterOf(deployment);
    const isMaster = master !== before && (await redisCli(master.port, 'role')).startsWith('master');
    if (isMaster) return master;
    await sleep(POLL_MS);
  }
  throw new Error('there is no new master');
}
