/**
 * The scheduler in figures, made when somebody asks for metrics. Most of it is
 * summed over queues, classes and runs; only how long jobs have been queued
 * takes a look at each of them, at a column or two of it: some 15 ms for a million.
 */
import { OTHER } from '../base/bounded-names.ts';
import { addDuration, type Durations, noDurations } from '../base/durations.ts';
import type { ReadonlyResources } from '../model/resources.ts';
import type { Executors } from './executors.ts';
import { countJobs, Flag } from './jobs.ts';
import { isCordoned } from './places.ts';
import type { Pool } from './round/pools.ts';
import { RANKED_COLUMNS } from './round/resources.ts';
import { dominantShare, fairnessError, type Share, sharesOf } from './shares.ts';
import type { State } from './state.ts';
import { MAX_QUEUES, type Tally } from './tally.ts';

/** Upper bounds of the buckets of how long jobs have been queued, in seconds. */
export const QUEUED_SECONDS = [1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 604_800] as const;

/** Executors and resources that are told apart. */
const MAX_EXECUTORS = 1000;
const MAX_RESOURCES = 50;

type Amounts = Map<string, number>;

export interface QueueFigures {
  name: string;
  priorityFactor: number;
  isCordoned: boolean;
  queuedSeconds: Durations;
  /** Scheduling classes that its waiting jobs are of. */
  classes: number;
}

/** Waiting jobs of a queue and a priority class. Amounts in base units. */
export interface WaitingFigures {
  queue: string;
  priorityClass: string;
  jobs: number;
  requests: Amounts;
}

/** Runs of a queue and a priority class on an executor's nodes of a pool. */
export interface RunningFigures extends Omit<WaitingFigures, 'jobs'> {
  executor: string;
  pool: string;
  runs: number;
}

export interface ClusterFigures {
  executor: string;
  pool: string;
  isCordoned: boolean;
  nodes: number;
  capacity: Amounts;
  /** Of nodes that get new jobs. */
  available: Amounts;
}

export interface PoolFigures {
  name: string;
  nodes: number;
  fairnessError: number;
  shares: (Share & { queue: string })[];
}

export interface SchedulerFigures {
  jobs: number;
  /** Decisions about jobs that are on their way to the store. */
  inFlight: number;
  queues: QueueFigures[];
  waiting: WaitingFigures[];
  running: RunningFigures[];
  clusters: ClusterFigures[];
  pools: PoolFigures[];
  tally: Omit<Tally, 'queueName'>;
}

export function figuresOf(executors: Executors, tally: Tally, nowMs: number): SchedulerFigures {
  const { state } = executors;
  const { rounds, ticks, scheduled, decided } = tally;
  const { queues, inFlight } = queueFigures(state, nowMs);
  const asked = waitingFigures(state, queues);
  return {
    jobs: countJobs(state.jobs),
    inFlight,
    queues,
    waiting: asked.figures,
    running: runningFigures(state),
    clusters: clusterFigures(executors),
    pools: state.nodes.pools.map((pool) => poolFigures(state, pool, asked.byQueue)),
    tally: { rounds, ticks, scheduled, decided },
  };
}

function queueName({ queues }: State, queue: number): string {
  return queue < MAX_QUEUES ? (queues.names[queue] ?? '') : OTHER;
}

function queueFigures(state: State, nowMs: number): { queues: QueueFigures[]; inFlight: number } {
  const { jobs, queues } = state;
  const figures = queues.names.slice(0, MAX_QUEUES + 1).map((_, queue) => ({
    name: queueName(state, queue),
    priorityFactor: queues.priorityFactor[queue] ?? 1,
    isCordoned: queues.held[queue] === 1,
    queuedSeconds: noDurations(QUEUED_SECONDS.length),
    classes: 0,
  }));
  let inFlight = 0;
  for (let job = 0; job < jobs.length; job++) {
    if (jobs.set[job] === -1) continue;
    const flags = jobs.flags[job] ?? 0;
    if (flags & Flag.IN_FLIGHT) inFlight++;
    if (!(flags & Flag.QUEUED)) continue;
    const queue = figures[Math.min(jobs.queue[job] ?? 0, MAX_QUEUES)];
    const seconds = Math.max(0, nowMs - (jobs.submittedAtMs[job] ?? nowMs)) / 1000;
    if (queue) addDuration(queue.queuedSeconds, QUEUED_SECONDS, seconds);
  }
  return { queues: figures, inFlight };
}

/** What waits, and for the shares what that asks for by queue. */
function waitingFigures(
  state: State,
  queues: readonly QueueFigures[],
): { figures: WaitingFigures[]; byQueue: Map<number, Float64Array> } {
  const byKey = new Map<string, WaitingFigures>();
  const byQueue = new Map<number, Float64Array>();
  for (const [classIndex, lanes] of state.waiting.byClass) {
    const jobClass = state.classes.list[classIndex];
    if (jobClass === undefined) continue;
    const { priorityClass, requests } = jobClass.source;
    for (const { queue, jobs } of lanes.values()) {
      const count = jobs.items.length;
      const name = queueName(state, queue);
      const known = queues[Math.min(queue, MAX_QUEUES)];
      if (known) known.classes++;
      const figures = entry(byKey, `${name}\0${priorityClass}`, () => ({
        queue: name,
        priorityClass,
        jobs: 0,
        requests: new Map(),
      }));
      figures.jobs += count;
      add(figures.requests, requests, count);
      const asked = entry(byQueue, queue, () => new Float64Array(RANKED_COLUMNS));
      for (let column = 0; column < RANKED_COLUMNS; column++) {
        asked[column] = (asked[column] ?? 0) + count * (jobClass.request[column] ?? 0);
      }
    }
  }
  return { figures: [...byKey.values()], byQueue };
}

function runningFigures(state: State): RunningFigures[] {
  const { charges, nodes, jobs, classes } = state;
  const byKey = new Map<string, RunningFigures>();
  for (const [node, there] of charges.byNode) {
    const facts = nodes.facts[node];
    if (facts === undefined) continue;
    const { executorId: executor, pool } = facts;
    for (const { job, queue, state: phase } of there) {
      if (phase === 'leaving') continue;
      const source = classes.list[jobs.classIndex[job] ?? -1]?.source;
      const priorityClass = source?.priorityClass ?? '';
      const name = queueName(state, queue);
      const figures = entry(byKey, `${executor}\0${pool}\0${name}\0${priorityClass}`, () => ({
        executor,
        pool,
        queue: name,
        priorityClass,
        runs: 0,
        requests: new Map(),
      }));
      figures.runs++;
      if (source) add(figures.requests, source.requests, 1);
    }
  }
  return [...byKey.values()];
}

function clusterFigures({ state, byId }: Executors): ClusterFigures[] {
  const { nodes, places } = state;
  const byKey = new Map<string, ClusterFigures>();
  for (const [node, facts] of nodes.facts.entries()) {
    if (facts === undefined || facts.isGone || byId.get(facts.executorId)?.isLive !== true) continue;
    const { executorId, pool } = facts;
    const figures = entry(byKey, `${executorId}\0${pool}`, () => ({
      executor: executorId,
      pool,
      isCordoned: isCordoned(places, { executorId, node: '' }),
      nodes: 0,
      capacity: new Map(),
      available: new Map(),
    }));
    figures.nodes++;
    add(figures.capacity, facts.capacity, 1);
    if (nodes.listed[node] === 1) add(figures.available, facts.capacity, 1);
  }
  return [...byKey.values()].slice(0, MAX_EXECUTORS);
}

function poolFigures(state: State, pool: Pool, asked: ReadonlyMap<number, Float64Array>): PoolFigures {
  const { queues } = state;
  const claimants = queues.names.slice(0, MAX_QUEUES).map((name, queue) => {
    const start = queue * RANKED_COLUMNS;
    const held = Array.from(pool.totals, (_, column) => pool.allocated[start + column] ?? 0);
    const wanted = held.map((amount, column) => amount + (asked.get(queue)?.[column] ?? 0));
    return {
      queue: name,
      weight: 1 / (queues.priorityFactor[queue] ?? 1),
      actual: dominantShare(held, pool.totals),
      demand: dominantShare(wanted, pool.totals),
    };
  });
  const active = claimants.filter(({ demand }) => demand > 0);
  const shares = sharesOf(active).map((share, at) => ({ ...share, queue: active[at]?.queue ?? '' }));
  const nodes = pool.orders.reduce((sum, order) => sum + (order?.size ?? 0), 0);
  return { name: pool.name, nodes, fairnessError: fairnessError(shares), shares };
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Resources are named by whoever offers or asks for them. */
function add(to: Amounts, amounts: ReadonlyResources, times: number): void {
  for (const [name, amount] of amounts) {
    const known = to.has(name) || to.size < MAX_RESOURCES ? name : OTHER;
    to.set(known, (to.get(known) ?? 0) + times * amount);
  }
}
