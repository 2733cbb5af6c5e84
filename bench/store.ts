// How fast the embedded store takes jobs, and what they cost it. The figures
// are of this machine and this disk; compare them with each other.
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import type { AcknowledgementLevel, Batch, Store } from '@armada-ts/server/store/store';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queueChange, submitJobs } from '../test/store/builders.ts';

/** The size that other systems were measured with. */
const SPEC_BYTES = 528;

interface Figures {
  case: string;
  durability: string;
  'jobs/s': number;
  'CPU-µs/job': number;
  'bytes/job': number;
  'p50 ms': number;
  'p99 ms': number;
}

interface Case {
  name: string;
  acknowledgement: AcknowledgementLevel;
  /** Jobs of one batch, batches in all, and how many are under way at once. */
  batchJobs: number;
  batches: number;
  inFlight: number;
}

const CASES: Case[] = [
  { name: 'batches of 1,000', acknowledgement: 'synced', batchJobs: 1000, batches: 200, inFlight: 4 },
  { name: 'batches of 1,000', acknowledgement: 'local', batchJobs: 1000, batches: 200, inFlight: 4 },
  { name: 'single jobs', acknowledgement: 'synced', batchJobs: 1, batches: 20_000, inFlight: 64 },
  { name: 'single jobs', acknowledgement: 'local', batchJobs: 1, batches: 20_000, inFlight: 64 },
  { name: 'one at a time', acknowledgement: 'synced', batchJobs: 1, batches: 1000, inFlight: 1 },
];

export async function run(): Promise<void> {
  const figures: Figures[] = [];
  for (const each of CASES) figures.push(await measure(each));
  console.table(figures);
}

async function measure(each: Case): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-store-'));
  const { acknowledgement, batches, batchJobs } = each;
  const store = await openSqliteStore({
    directory,
    acknowledgement,
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    await store.control(queueChange('queue', 0));
    const work = Array.from({ length: batches }, () =>
      submitJobs(batchJobs, { specBytes: SPEC_BYTES, atMs: Date.now() }),
    );
    const cpu = process.cpuUsage();
    const from = performance.now();
    const latencies = await appendAll(store, work, each.inFlight);
    const seconds = (performance.now() - from) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    await store.close();
    const jobs = batches * batchJobs;
    latencies.sort((a, b) => a - b);
    return {
      case: `${each.name}, ${each.inFlight} in flight`,
      durability: acknowledgement,
      'jobs/s': Math.round(jobs / seconds),
      'CPU-µs/job': round((user + system) / jobs),
      'bytes/job': Math.round((await sizeOf(directory)) / jobs),
      'p50 ms': round(latencies[Math.floor(latencies.length * 0.5)] ?? 0),
      'p99 ms': round(latencies[Math.floor(latencies.length * 0.99)] ?? 0),
    };
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
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
