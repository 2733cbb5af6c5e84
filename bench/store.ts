// How fast the engines of the store take jobs, and what they cost them. The
// figures are of this machine and this disk; compare them with each other.
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import type { AcknowledgementLevel, Batch, Store } from '@armada-ts/server/store/store';
import { openRedisStore } from '@armada-ts/server/store/redis/open';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queueChange, submitJobs } from '../test/store/builders.ts';
import { createDirectory, redisCli, startRedis } from '../test/store/redis.servers.ts';
import { cpuMicrosOf } from './measuring/processes.ts';

/** The size that other systems were measured with. */
const SPEC_BYTES = 528;

interface Figures {
  engine: string;
  case: string;
  'jobs/s': number;
  'CPU-µs/job': number;
  /** Of the process of Redis. */
  'Redis-µs/job': number;
  'bytes/job': number;
  'p50 ms': number;
  'p99 ms': number;
}

interface Case {
  name: string;
  /** Jobs of one batch, batches in all, and how many are under way at once. */
  batchJobs: number;
  batches: number;
  inFlight: number;
}

const CASES: Case[] = [
  { name: 'batches of 1,000', batchJobs: 1000, batches: 200, inFlight: 4 },
  { name: 'single jobs', batchJobs: 1, batches: 20_000, inFlight: 64 },
  { name: 'one at a time', batchJobs: 1, batches: 1000, inFlight: 1 },
];

/** An engine with an empty place of its own. */
interface Ground {
  name: string;
  store: Store;
  bytes(): Promise<number>;
  /** CPU that another process has used for the store so far, in microseconds. */
  otherCpuUs(): number;
  end(): Promise<void>;
}

const GROUNDS: (() => Promise<Ground>)[] = [
  () => sqlite('synced'),
  () => sqlite('local'),
  () => redis('always', 'synced'),
  () => redis('everysec', 'local'),
  () => redis('off', 'local'),
];

export async function run(): Promise<void> {
  const figures: Figures[] = [];
  for (const ground of GROUNDS) for (const each of CASES) figures.push(await measure(await ground(), each));
  console.table(figures);
}

async function sqlite(acknowledgement: AcknowledgementLevel): Promise<Ground> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-store-'));
  const store = await openSqliteStore({
    directory,
    acknowledgement,
    clock: systemClock,
    logger: silentLogger,
  });
  return {
    name: `sqlite, ${acknowledgement}`,
    store,
    bytes: () => sizeOf(directory),
    otherCpuUs: () => 0,
    async end() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function redis(
  fsync: 'always' | 'everysec' | 'off',
  acknowledgement: AcknowledgementLevel,
): Promise<Ground> {
  const persistence = fsync === 'off' ? [] : ['--appendonly', 'yes', '--appendfsync', fsync];
  const server = await startRedis(await createDirectory(), ['--save', '', ...persistence]);
  const url = `redis://127.0.0.1:${server.port}`;
  const store = await openRedisStore({ url, acknowledgement, clock: systemClock, logger: silentLogger });
  const used = async (): Promise<number> =>
    Number(/used_memory:(\d+)/.exec(await redisCli(server.port, 'info', 'memory'))?.[1]);
  const empty = await used();
  return {
    name: `redis, appendfsync ${fsync}`,
    store,
    bytes: async () => (await used()) - empty,
    otherCpuUs: () => cpuMicrosOf(server.process.pid ?? 0),
    async end() {
      await store.close();
      await server.kill();
    },
  };
}

async function measure(ground: Ground, each: Case): Promise<Figures> {
  const { batches, batchJobs } = each;
  const { store } = ground;
  try {
    await store.control(queueChange('queue', 0));
    const work = Array.from({ length: batches }, () =>
      submitJobs(batchJobs, { specBytes: SPEC_BYTES, atMs: Date.now() }),
    );
    const cpu = process.cpuUsage();
    const otherCpuUs = ground.otherCpuUs();
    const from = performance.now();
    const latencies = await appendAll(store, work, each.inFlight);
    const seconds = (performance.now() - from) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const jobs = batches * batchJobs;
    latencies.sort((a, b) => a - b);
    return {
      engine: ground.name,
      case: `${each.name}, ${each.inFlight} in flight`,
      'jobs/s': Math.round(jobs / seconds),
      'CPU-µs/job': round((user + system) / jobs),
      'Redis-µs/job': round((ground.otherCpuUs() - otherCpuUs) / jobs),
      'bytes/job': Math.round((await ground.bytes()) / jobs),
      'p50 ms': round(latencies[Math.floor(latencies.length * 0.5)] ?? 0),
      'p99 ms': round(latencies[Math.floor(latencies.length * 0.99)] ?? 0),
    };
  } finally {
    await ground.end();
  }
}

/** Appends everything, so many at once; how long each took, in milliseconds. */
async function appendAll(store: Store, work: Batch[], inFlight: number): Promise<number[]> {
  const latencies: number[] = [];
  const next = work.values();
  const appender = async (): Promise<void> => {
    for (const batch of next) {
      const from = performance.now();
      const { outcome } = await store.append(batch);
      latencies.push(performance.now() - from);
      assert.equal(outcome, 'applied');
    }
  };
  await Promise.all(Array.from({ length: inFlight }, appender));
  return latencies;
}

/** Bytes of the database and its write-ahead log. */
async function sizeOf(directory: string): Promise<number> {
  const files = await readdir(directory);
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(directory, file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
