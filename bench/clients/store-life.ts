// The peer of the full-life benchmark: the embedded store alone, taking what a
// whole life makes: the submit, and four changes of the record (leased; pending
// and running; run succeeded; job succeeded). No wire, no scheduler, no
// executor, no watchers. The batches are made beforehand.
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import type { Batch, Store, StoredJob } from '@armada-ts/server/store/store';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Change, changeBatch, queueChange, submitJobs } from '../../test/store/builders.ts';
import { serveLoad } from '../measuring/processes.ts';

export interface StoreLifeOrder {
  jobs: number;
  /** Jobs of one submit, and of one change. */
  submitBatch: number;
  changeBatch: number;
  inFlight: number;
  specBytes: number;
}

export interface StoreLifeFigures {
  seconds: number;
  cpuMicros: number;
}

const CHANGES: readonly Change[] = ['lease', 'run', 'run', 'succeed'];

serveLoad<StoreLifeOrder, StoreLifeFigures>(async (order) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-store-life-'));
  const tools = { clock: systemClock, logger: silentLogger };
  const store = await openSqliteStore({ directory, acknowledgement: 'synced', ...tools });
  try {
    await store.control(queueChange('queue', 0));
    const total = { seconds: 0, cpuMicros: 0 };
    const submits = Array.from({ length: order.jobs / order.submitBatch }, () =>
      submitJobs(order.submitBatch, { specBytes: order.specBytes, atMs: Date.now() }),
    );
    let jobs = await appendAll(store, submits, order.inFlight, total);
    for (const change of CHANGES) {
      const batches: Batch[] = [];
      for (let at = 0; at < jobs.length; at += order.changeBatch) {
        batches.push(changeBatch(jobs.slice(at, at + order.changeBatch), change, { atMs: Date.now() }));
      }
      jobs = await appendAll(store, batches, order.inFlight, total);
    }
    return total;
  } finally {
    await store.close();
    await rm(directory, { recursive: true });
  }
});

/** Appends everything and adds what it took; the jobs as they are then. */
async function appendAll(
  store: Store,
  batches: readonly Batch[],
  inFlight: number,
  total: StoreLifeFigures,
): Promise<StoredJob[]> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  const next = batches.values();
  const jobs: StoredJob[] = [];
  const appender = async (): Promise<void> => {
    for (const batch of next) {
      const result = await store.append(batch);
      if (result.outcome !== 'applied') throw new Error(`the store answers ${result.outcome}`);
      jobs.push(...result.entry.jobs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, appender));
  total.seconds += (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  total.cpuMicros += user + system;
  return jobs;
}
