// Bulk submit: ours through gRPC, from a process of its own to a server with its
// checks; the peer's straight to Redis, from a process of its own. No executor
// and no worker: all jobs stay queued.
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisServer } from '../../test/store/redis.servers.ts';
import { startServer } from '../../test/e2e/server.ts';
import type { BullmqFigures, BullmqOrder } from '../clients/bullmq.ts';
import type { SubmitFigures, SubmitOrder } from '../clients/submit.ts';
import { medians, percentile, printTable } from '../measuring/figures.ts';
import { settledCpuMicrosOf, startLoad } from '../measuring/processes.ts';
import {
  flush,
  type Persistence,
  shownPersistence,
  startBenchRedis,
  usedMemory,
} from '../measuring/redis.ts';

const JOBS = 50_000;
const BATCH = 1_000;
const IN_FLIGHT = 4;
const QUEUE = 'bench';
/** Ours is in database 0; the peer's is emptied before each repeat. */
const PEER_DATABASE = 1;

type Figures = {
  'jobs/s': number;
  'client µs/job': number;
  'server µs/job': number;
  'redis µs/job': number;
  'all µs/job': number;
  'redis bytes/job': number;
  'p50 ms': number;
  'p99 ms': number;
};

/** Submits jobs once, on one side; what the client saw, and CPU time of a server if there is one. */
interface Side {
  pid: number | undefined;
  submit: (jobs: number) => Promise<SubmitFigures | BullmqFigures>;
}

export async function compareSubmits(persistence: Persistence, repeats: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-bullmq-'));
  const redis = await startBenchRedis(persistence);
  const store = { url: `redis://127.0.0.1:${redis.port}/0`, acknowledgement: 'local' } as const;
  const server = await startServer(directory, { auth: standaloneAuth, store });
  const load = startLoad<SubmitOrder, SubmitFigures>(new URL('../clients/submit.ts', import.meta.url));
  const peerLoad = startLoad<BullmqOrder, BullmqFigures>(new URL('../clients/bullmq.ts', import.meta.url));
  try {
    using connection = connect({ address: server.address });
    await createQueue(connection, { name: QUEUE });
    let set = 0;
    const ours: Side = {
      pid: server.process.pid,
      submit: (jobs) => {
        const place = { address: server.address, queue: QUEUE, jobSetId: `set-${set++}` };
        return load.ask({ ...place, jobs, batch: BATCH, inFlight: IN_FLIGHT });
      },
    };
    const peer: Side = {
      pid: undefined,
      submit: (jobs) => {
        const place = { port: redis.port, database: PEER_DATABASE, queue: QUEUE };
        return peerLoad.ask({ ...place, jobs, batch: BATCH, inFlight: IN_FLIGHT, follow: false });
      },
    };
    const [oursMedians, peerMedians] = await compare(redis, [ours, peer], repeats);
    console.log(
      `\nbulk submit: ${JOBS.toLocaleString('en')} jobs, ${BATCH} a call, ${IN_FLIGHT} calls at once; ` +
        `Redis with ${shownPersistence(persistence)}; medians of ${repeats}`,
    );
    printTable([
      { side: 'armada, over gRPC', ...oursMedians },
      { side: 'peer: BullMQ addBulk', ...peerMedians },
      { side: 'ratio', ...ratios(oursMedians, peerMedians) },
    ]);
  } finally {
    await load.stop();
    await peerLoad.stop();
    await server.kill('SIGTERM');
    await redis.kill();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Both sides in turn, so that what else goes on in the machine meets both alike. */
async function compare(
  redis: RedisServer,
  [ours, peer]: [ours: Side, peer: Side],
  repeats: number,
): Promise<[ours: Figures, peer: Figures]> {
  await ours.submit(JOBS);
  await peer.submit(JOBS);
  const [ofOurs, ofPeer]: [Figures[], Figures[]] = [[], []];
  for (let i = 0; i < repeats; i++) {
    ofOurs.push(await measure(redis, ours));
    await flush(redis, PEER_DATABASE);
    ofPeer.push(await measure(redis, peer));
  }
  return [medians(ofOurs), medians(ofPeer)];
}

async function measure(redis: RedisServer, { pid, submit }: Side): Promise<Figures> {
  const redisPid = redis.process.pid ?? 0;
  const bytes = await usedMemory(redis);
  const before = {
    server: pid ? await settledCpuMicrosOf(pid) : 0,
    redis: await settledCpuMicrosOf(redisPid),
  };
  const { seconds, cpuMicros, latenciesMs } = await submit(JOBS);
  const server = pid ? (await settledCpuMicrosOf(pid)) - before.server : 0;
  const used = (await settledCpuMicrosOf(redisPid)) - before.redis;
  return {
    'jobs/s': JOBS / seconds,
    'client µs/job': cpuMicros / JOBS,
    'server µs/job': server / JOBS,
    'redis µs/job': used / JOBS,
    'all µs/job': (cpuMicros + server + used) / JOBS,
    'redis bytes/job': ((await usedMemory(redis)) - bytes) / JOBS,
    'p50 ms': percentile(latenciesMs, 0.5),
    'p99 ms': percentile(latenciesMs, 0.99),
  };
}

function ratios(ours: Figures, peer: Figures): Partial<Figures> {
  const of = (field: keyof Figures): number => ours[field] / peer[field];
  return {
    'jobs/s': of('jobs/s'),
    'client µs/job': of('client µs/job'),
    'server µs/job': Number.NaN,
    'redis µs/job': of('redis µs/job'),
    'all µs/job': of('all µs/job'),
    'redis bytes/job': of('redis bytes/job'),
    'p50 ms': of('p50 ms'),
    'p99 ms': of('p99 ms'),
  };
}
