// What scheduling costs: placing a backlog on a fleet, a round on a full fleet
// after one job has ended, and a tick for one new job in front of a million
// that wait. No store and no thread; the figures are of one core of this machine.
import { Queue } from '@armada-ts/api/api/queue';
import { LogEntry, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { LeaseRequest, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import { Taint, Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { jobId, requestPrefix, slotOfQueue } from '@armada-ts/server/model/ids';
import { submittedJob } from '@armada-ts/server/model/job';
import { schedulerSchema } from '@armada-ts/server/scheduler/config';
import { type Scheduler, createScheduler } from '@armada-ts/server/scheduler/cycle';
import { release } from '@armada-ts/server/scheduler/round/nodes';
import { runRound } from '@armada-ts/server/scheduler/round/round';
import { createTally } from '@armada-ts/server/scheduler/tally';
import { packWhole } from '@armada-ts/server/store/testing/packed-jobs';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

const QUEUES = 20;
const CLASSES = 200;
const NODE_CPU = 64;
const SUBMITTED_MS = 1_800_000_000_000;
const ALL = { maxPlacements: Number.MAX_SAFE_INTEGER, maxSteps: Number.MAX_SAFE_INTEGER };

export async function run(): Promise<void> {
  // The first one also warms up.
  for (const nodes of [100, 1_000, 10_000]) placeBacklog(nodes, 100_000);
  await oneNewJob(1_000_000);
}

/** A scheduler whose decisions are taken at once, by a log that is nothing but a number. */
function newScheduler(): { scheduler: Scheduler; log: { number: number; batches: number } } {
  const log = { number: 0, batches: 0 };
  const scheduler = createScheduler({
    config: { ...schedulerSchema.parse({}), maxRoundIntervalMs: 0 },
    priorityClasses: new Map([['', { priority: 1000, preemptible: false }]]),
    clock: systemClock,
    random: randomBytes,
    append: async ({ queue, changed }) => {
      log.batches++;
      await Promise.resolve();
      const number = ++log.number;
      const jobs = changed.map(({ record }) => ({ record, version: number }));
      scheduler.apply([LogEntry.create({ number, queue, jobs })]);
      return { outcome: 'applied', partition: 0, number };
    },
    saveExecutor: () => {},
    wake: () => {},
    tally: createTally(),
    sealed: () => {},
    logger: silentLogger,
  });
  const queues = Array.from({ length: QUEUES }, (_, index) =>
    Queue.create({ name: `queue-${index}`, priorityFactor: 1 + (index % 3) }),
  );
  scheduler.load({ heads: [0], queues });
  return { scheduler, log };
}

/** Nodes of four types: two zones, with and without a taint. */
function showNodes(scheduler: Scheduler, count: number): void {
  const nodes = Array.from({ length: count }, (_, index) => {
    const taints = index % 2 === 0 ? [] : [Taint.create({ key: 'team', value: 'a', effect: 'NoSchedule' })];
    return NodeInfo.create({
      name: `node-${String(index).padStart(5, '0')}`,
      labels: new Map([['zone', index % 4 < 2 ? 'east' : 'west']]),
      taints,
      allocatableResources: new Map([
        ['cpu', { string: String(NODE_CPU) }],
        ['memory', { string: '256Gi' }],
      ]),
    });
  });
  scheduler.executorSeen(LeaseRequest.create({ executorId: 'cluster', pool: 'default', nodes }));
}

/** Sizes between a quarter and eight cpus; every third class names a zone, every other tolerates the taint. */
function classAt(index: number): SchedulingClass {
  return SchedulingClass.create({
    id: `class-${index}`,
    requests: new Map([
      ['cpu', 250 * (1 + ((index * 7) % 32))],
      ['memory', 2 ** 28 * (1 + ((index * 13) % 48))],
    ]),
    nodeSelector: index % 3 === 0 ? new Map([['zone', index % 2 === 0 ? 'east' : 'west']]) : new Map(),
    tolerations: index % 2 === 0 ? [Toleration.create({ key: 'team', operator: 'Exists' })] : [],
  });
}

function loadJobs(scheduler: Scheduler, count: number, classes: SchedulingClass[]): void {
  const slots = Array.from({ length: QUEUES }, (_, index) => slotOfQueue(`queue-${index}`));
  for (let start = 0; start < count; start += 1_000) {
    const prefix = requestPrefix(SUBMITTED_MS + start, randomBytes(8));
    const jobs = Array.from({ length: Math.min(1_000, count - start) }, (_, index) => {
      const number = start + index;
      const queue = number % QUEUES;
      const id = jobId(prefix, index, slots[queue] ?? 0);
      const record = submittedJob({
        sender: { queue: `queue-${queue}`, jobSetName: `set-${start}`, userId: 'user', groups: [] },
        job: SubmitJob.create({ jobId: id, priority: number % 3 }),
        createdMs: SUBMITTED_MS + start,
        schedulingClass: classes[(number * 31) % classes.length]?.id ?? '',
        gang: undefined,
      });
      return { record, version: 1 };
    });
    scheduler.load({ page: { jobs: packWhole(jobs), classes, operations: [] } });
  }
}

function placeBacklog(nodes: number, jobs: number): void {
  const { scheduler } = newScheduler();
  const { state } = scheduler;
  showNodes(scheduler, nodes);
  loadJobs(
    scheduler,
    jobs,
    Array.from({ length: CLASSES }, (_, index) => classAt(index)),
  );
  const before = performance.now();
  const plan = runRound(state, ALL);
  const ms = performance.now() - before;
  const placed = plan.placements.length;
  console.log(
    `${nodes} nodes, ${jobs} jobs of ${CLASSES} classes in ${QUEUES} queues: ` +
      `${placed} placed in ${ms.toFixed(0)} ms, ${((ms * 1000) / placed).toFixed(2)} µs each`,
  );
  const rounds: number[] = [];
  let refilled = 0;
  for (const ended of plan.placements.slice(0, 500)) {
    release(state.nodes, ended.node, ended.queue, ended.jobClass.request);
    const start = performance.now();
    refilled += runRound(state, ALL).placements.length;
    rounds.push(performance.now() - start);
  }
  console.log(
    `  full or drained, a job ends: ${refilled} placed in 500 rounds, ` +
      `p50 ${micros(rounds, 0.5)} µs, p99 ${micros(rounds, 0.99)} µs a round`,
  );
}

async function oneNewJob(waiting: number): Promise<void> {
  const { scheduler, log } = newScheduler();
  const classes = Array.from({ length: CLASSES }, (_, index) => ({
    ...classAt(index),
    requests: new Map([['cpu', NODE_CPU * 1000 + 1]]),
  }));
  const rss = process.memoryUsage().rss;
  const before = performance.now();
  loadJobs(scheduler, waiting, classes);
  const loadMs = performance.now() - before;
  globalThis.gc?.();
  const used = process.memoryUsage().rss - rss;
  showNodes(scheduler, 10_000);
  const first = performance.now();
  scheduler.tick();
  const firstMs = performance.now() - first;
  console.log(
    `${waiting} waiting jobs: decoded and taken in in ${loadMs.toFixed(0)} ms, ` +
      `${(used / waiting).toFixed(0)} bytes each, first tick ${firstMs.toFixed(1)} ms`,
  );
  const ticks: number[] = [];
  const small = { ...classAt(0), id: 'small' };
  for (let number = 0; number < 2_000; number++) {
    const id = jobId(requestPrefix(SUBMITTED_MS, randomBytes(8)), 0, slotOfQueue('queue-0'));
    const record = submittedJob({
      sender: { queue: 'queue-0', jobSetName: 'new', userId: 'user', groups: [] },
      job: SubmitJob.create({ jobId: id }),
      createdMs: SUBMITTED_MS + number,
      schedulingClass: small.id,
      gang: undefined,
    });
    const event = {
      event: { $case: 'submitJob' as const, value: SubmitJob.create({ jobId: id }) },
      created: undefined,
    };
    const events = { queue: 'queue-0', jobSetName: 'new', userId: 'user', groups: [], events: [event] };
    const version = ++log.number;
    const entry = LogEntry.create({
      number: version,
      queue: 'queue-0',
      jobs: [{ record, version }],
      classes: [small],
      sequences: [{ jobSet: 'new', number: version, streamCreatedMs: 0, events }],
    });
    const sent = log.batches;
    const start = performance.now();
    scheduler.apply([entry]);
    scheduler.tick();
    ticks.push(performance.now() - start);
    if (log.batches !== sent + 1) throw new Error('the new job was not leased in this tick');
    // Outcomes arrive in between, as they would.
    await new Promise(setImmediate);
  }
  console.log(
    `  one new job among them: from log entry to lease decision p50 ${micros(ticks, 0.5)} µs, p99 ${micros(ticks, 0.99)} µs`,
  );
}

function micros(times: number[], part: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return ((sorted[Math.floor(sorted.length * part)] ?? 0) * 1000).toFixed(0);
}
