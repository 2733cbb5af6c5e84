// The peer of the benchmarks on Redis, on the side that adds jobs: BullMQ, as
// its manual has it. Its jobs carry a text as long as the pod specs of ours, and
// get their ids from Redis.
import { Queue, QueueEvents } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { serveLoad } from '../measuring/processes.ts';
import { SPEC_BYTES } from '../measuring/requests.ts';

export interface BullmqOrder {
  port: number;
  database: number;
  queue: string;
  /** Jobs in all, of one call of addBulk, and calls at once. */
  jobs: number;
  batch: number;
  inFlight: number;
  /** Whether to follow the queue's events until all jobs have completed. */
  follow: boolean;
}

export interface BullmqFigures {
  /** When it began, by a clock that all processes share. */
  fromMs: number;
  seconds: number;
  cpuMicros: number;
  latenciesMs: number[];
}

/** Added, waiting, active, completed. */
const EVENTS_A_JOB = 4;

serveLoad<BullmqOrder, BullmqFigures>(async (order) => {
  const connection = { host: '127.0.0.1', port: order.port, db: order.database };
  // Of its events it keeps some 10,000, or as many as it is told: a follower misses those it is too late for.
  const streams = { events: { maxLen: EVENTS_A_JOB * order.jobs } };
  const queue = new Queue(order.queue, { connection, ...(order.follow && { streams }) });
  await queue.waitUntilReady();
  const events = order.follow ? new QueueEvents(order.queue, { connection, lastEventId: '0-0' }) : undefined;
  await events?.waitUntilReady();
  const nextJob = createJobs();
  const latenciesMs: number[] = [];
  let unsent = order.jobs;
  const sender = async (): Promise<void> => {
    while (unsent > 0) {
      const count = Math.min(order.batch, unsent);
      unsent -= count;
      const since = performance.now();
      const added = await queue.addBulk(Array.from({ length: count }, nextJob));
      latenciesMs.push(performance.now() - since);
      if (added.length !== count) throw new Error(`${added.length} jobs were added of ${count}`);
    }
  };
  const cpu = process.cpuUsage();
  const from = performance.now();
  const fromMs = Date.now();
  const completed = events && countCompleted(events, order.jobs);
  await Promise.all(Array.from({ length: order.inFlight }, sender));
  await completed;
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await events?.close();
  await queue.close();
  return { fromMs, seconds, cpuMicros: user + system, latenciesMs };
});

function countCompleted(events: QueueEvents, jobs: number): Promise<void> {
  return new Promise((resolve) => {
    const seen = new Set<string>();
    events.on('completed', ({ jobId }) => {
      seen.add(jobId);
      if (seen.size === jobs) resolve();
    });
  });
}

/** Jobs whose data are SPEC_BYTES long in Redis, and of which no two are alike. */
function createJobs(): () => { name: string; data: { spec: string } } {
  const own = randomBytes(8).toString('hex');
  const room = SPEC_BYTES - JSON.stringify({ spec: '' }).length - own.length - 8;
  const start = 'registry.example.org/team/train:1.4.2 --seed '.padEnd(room, 'x');
  let made = 0;
  return () => ({ name: 'train', data: { spec: `${start}${own}${String(made++).padStart(8, '0')}` } });
}
