// Whole lives: ours are submitted through gRPC, leased to an executor with the
// simulated runtime, reported and seen to their end in the event streams by the
// client; the peer's are added and taken by a worker whose jobs do nothing,
// once with its events followed by the client as well, and once without.
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisServer } from '../../test/store/redis.servers.ts';
import { startServer } from '../../test/e2e/server.ts';
import type { BullmqFigures, BullmqOrder } from '../clients/bullmq.ts';
import type { BullmqWorkerFigures, BullmqWorkerOrder } from '../clients/bullmq-worker.ts';
import type { FullLifeFigures, FullLifeOrder } from '../clients/full-life.ts';
import { startSimulated } from '../full-life.ts';
import { medians, printTable } from '../measuring/figures.ts';
import { settledCpuMicrosOf, startLoad } from '../measuring/processes.ts';
import {
  flush,
  type Persistence,
  shownPersistence,
  startBenchRedis,
  usedMemory,
} from '../measuring/redis.ts';

const JOBS = 20_000;
const WARM_UP_JOBS = 5_000;
const QUEUES = ['first', 'second', 'third', 'fourth'];
const BATCH = 1_000;
const IN_FLIGHT = 4;
/** Of ours. The peer's client adds all it has. */
const UNFINISHED = 8_000;
const CONCURRENCY = 100;
/** Ours is in database 0; the peer's is emptied before each repeat. */
const PEER_DATABASE = 1;

type Figures = Record<string, number>;

/** Has jobs live once; how long that took, and CPU time of the client. The others are looked at from outside. */
interface Side {
  /** Process ids, by what they are called in the table. */
  parts: Record<string, number>;
  live: (jobs: number) => Promise<{ seconds: number; cpuMicros: number }>;
}

export async function compareLives(persistence: Persistence, repeats: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-bullmq-'));
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const redis = await startBenchRedis(persistence);
  stack.defer(() => redis.kill());
  const ours = await startOurs(redis, directory, stack);
  const peers = [startPeer(redis, true, stack), startPeer(redis, false, stack)];
  const sides = [ours, ...peers];
  for (const side of sides) await measure(redis, side, WARM_UP_JOBS);
  const figures: Figures[][] = sides.map(() => []);
  for (let i = 0; i < repeats; i++) {
    for (const [j, side] of sides.entries()) {
      figures[j]?.push(await measure(redis, side, JOBS));
      await flush(redis, PEER_DATABASE);
    }
  }
  const [life = {}, followed = {}, unseen = {}] = figures.map(medians);
  console.log(
    `\nwhole lives: ${JOBS.toLocaleString('en')} jobs, ${BATCH} a call; Redis with ${shownPersistence(persistence)}; medians of ${repeats}`,
  );
  printTable([
    { side: 'armada, all events followed', ...life },
    { side: `peer: BullMQ, concurrency ${CONCURRENCY}, events followed`, ...followed },
    { side: '  ratio', ...ratios(life, followed) },
    { side: `peer: BullMQ, concurrency ${CONCURRENCY}, nobody follows`, ...unseen },
    { side: '  ratio', ...ratios(life, unseen) },
  ]);
}

async function startOurs(redis: RedisServer, directory: string, stack: AsyncDisposableStack): Promise<Side> {
  const store = { url: `redis://127.0.0.1:${redis.port}/0`, acknowledgement: 'local' } as const;
  const server = await startServer(directory, { auth: standaloneAuth, store });
  stack.defer(async () => void (await server.kill('SIGTERM')));
  const executor = await startSimulated(join(directory, 'executor'), server.address);
  stack.defer(async () => void (await executor.kill('SIGTERM')));
  const load = startLoad<FullLifeOrder, FullLifeFigures>(new URL('../clients/full-life.ts', import.meta.url));
  stack.defer(() => load.stop());
  using connection = connect({ address: server.address });
  for (const name of QUEUES) await createQueue(connection, { name });
  let set = 0;
  return {
    parts: { server: server.process.pid ?? 0, worker: executor.process.pid ?? 0 },
    live: (jobs) => {
      const place = { address: server.address, queues: QUEUES, jobSetId: `life-${set++}` };
      return load.ask({ ...place, jobs, batch: BATCH, unfinished: UNFINISHED });
    },
  };
}

function startPeer(redis: RedisServer, follow: boolean, stack: AsyncDisposableStack): Side {
  const load = startLoad<BullmqOrder, BullmqFigures>(new URL('../clients/bullmq.ts', import.meta.url));
  stack.defer(() => load.stop());
  const worker = startLoad<BullmqWorkerOrder, BullmqWorkerFigures>(
    new URL('../clients/bullmq-worker.ts', import.meta.url),
  );
  stack.defer(() => worker.stop());
  let set = 0;
  return {
    parts: { worker: worker.pid },
    async live(jobs) {
      const place = { port: redis.port, database: PEER_DATABASE, queue: `life-${follow}-${set++}` };
      await worker.ask({ kind: 'start', ...place, concurrency: CONCURRENCY });
      const adding = load.ask({ ...place, jobs, batch: BATCH, inFlight: IN_FLIGHT, follow });
      const [{ fromMs, seconds, cpuMicros }, { lastMs }] = await Promise.all([
        adding,
        worker.ask({ kind: 'completed', jobs }),
      ]);
      return { seconds: follow ? seconds : (lastMs - fromMs) / 1000, cpuMicros };
    },
  };
}

async function measure(redis: RedisServer, { parts, live }: Side, jobs: number): Promise<Figures> {
  const pids = { ...parts, redis: redis.process.pid ?? 0 };
  const bytes = await usedMemory(redis);
  const before = await settled(pids);
  const { seconds, cpuMicros } = await live(jobs);
  const after = await settled(pids);
  const used = (name: string): number => ((after[name] ?? 0) - (before[name] ?? 0)) / jobs;
  const each = { server: used('server'), worker: used('worker'), redis: used('redis') };
  return {
    'jobs/s': jobs / seconds,
    'client µs/job': cpuMicros / jobs,
    'server µs/job': each.server,
    'executor or worker µs/job': each.worker,
    'redis µs/job': each.redis,
    'all µs/job': cpuMicros / jobs + each.server + each.worker + each.redis,
    'redis bytes/job': ((await usedMemory(redis)) - bytes) / jobs,
  };
}

async function settled(pids: Record<string, number>): Promise<Record<string, number>> {
  const found = await Promise.all(
    Object.entries(pids).map(async ([name, pid]) => [name, await settledCpuMicrosOf(pid)] as const),
  );
  return Object.fromEntries(found);
}

function ratios(ours: Figures, peer: Figures): Figures {
  return Object.fromEntries(
    Object.entries(ours).map(([name, value]) => [name, value / (peer[name] ?? Number.NaN)]),
  );
}
