// The peer of the full-life benchmark on Redis: a worker of BullMQ whose jobs do
// nothing.
import { Worker } from 'bullmq';
import { serveLoad } from '../measuring/processes.ts';

export type BullmqWorkerOrder =
  /** Begins with a queue, instead of the one before. */
  | { kind: 'start'; port: number; database: number; queue: string; concurrency: number }
  /** Waits until so many jobs of the queue are completed. */
  | { kind: 'completed'; jobs: number };

export interface BullmqWorkerFigures {
  /** When the last one was completed, by a clock that all processes share. */
  lastMs: number;
}

let worker: Worker | undefined;
let completed = 0;
let lastMs = 0;
let changed = (): void => {};

serveLoad<BullmqWorkerOrder, BullmqWorkerFigures>(async (order) => {
  if (order.kind === 'start') await start(order);
  else {
    while (completed < order.jobs) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  }
  return { lastMs };
});

async function start(order: Extract<BullmqWorkerOrder, { kind: 'start' }>): Promise<void> {
  await worker?.close();
  completed = 0;
  const connection = { host: '127.0.0.1', port: order.port, db: order.database };
  worker = new Worker(order.queue, () => Promise.resolve(), { connection, concurrency: order.concurrency });
  worker.on('completed', () => {
    completed++;
    lastMs = Date.now();
    changed();
  });
  await worker.waitUntilReady();
}
