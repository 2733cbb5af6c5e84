// What one caller waits for while many jobs are queued: one thing at a time, on
// a server that has nothing else to do.
import { JobListServiceService } from '@armada-ts/api/armada/jobs/v1/jobs';
import { JobState } from '@armada-ts/api/api/job';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { cancelJobs, cancelJobSet, listJobs, submitJobs, watchJobSet } from '@armada-ts/client';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROBES, QUEUES, submitMany, type World } from './world.ts';

/** Samples by what was measured, in milliseconds. */
export type Samples = Record<string, number[]>;

type Note = (name: string, ms: number) => void;

/** Measures something once. */
type Probe = (note: Note) => Promise<void>;

const ROUNDS = { singles: 200, slots: 25, sets: 7, pages: 50 };
const JOBS_OF_SET = 1_000;
const PAGE_JOBS = 100;
const IDLE_MS = 10;
/** An executor that has told nothing for a while tells the next thing at once. */
const EXECUTOR_IDLE_MS = 400;

/** The same probes on each world in turn, so that what else goes on in the machine meets all of them alike. */
export async function probeAll(worlds: readonly World[]): Promise<Samples[]> {
  const all = worlds.map((): Samples => ({}));
  for (const [kind, prepare] of Object.entries({ singles, slots, sets, pages }) as [
    keyof typeof ROUNDS,
    Prepare,
  ][]) {
    await using stack = new AsyncDisposableStack();
    const probes: Probe[] = [];
    for (const world of worlds) probes.push(await prepare(world, stack));
    for (let round = 0; round < ROUNDS[kind]; round++) {
      for (const [index, probe] of probes.entries()) {
        await probe((name, ms) => ((all[index] ??= {})[name] ??= []).push(ms));
        await sleep(IDLE_MS);
      }
    }
  }
  return all;
}

type Prepare = (world: World, stack: AsyncDisposableStack) => Promise<Probe> | Probe;

/** Submits and cancels a job that stays queued, and one that is leased at once. */
function singles(world: World, stack: AsyncDisposableStack): Probe {
  const set = { queue: PROBES, jobSetId: 'singles' };
  const seen = stack.use(watch(world, set.queue, set.jobSetId));
  const cancel = async (jobId: string): Promise<void> => {
    await cancelJobs(world.connection, { jobIds: [jobId], ...set });
  };
  return async (note) => {
    let from = performance.now();
    const queued = await submitOne(world, { ...set, needs: LARGE });
    note('submit', performance.now() - from);
    await seen.event('queued', queued);
    await sleep(IDLE_MS);
    from = performance.now();
    await cancel(queued);
    note('cancel answered', performance.now() - from);
    note('cancel to cancelled', (await seen.event('cancelled', queued)) - from);
    await sleep(IDLE_MS);
    from = performance.now();
    const leased = await submitOne(world, { ...set, needs: SMALL });
    note('submit to leased', (await seen.event('leased', leased)) - from);
    await seen.event('running', leased);
    await cancel(leased);
    await seen.event('cancelled', leased);
  };
}

/**
 * Cancels the job that holds the node in the east, and waits for the queued job
 * that takes its place: one of ours, for it asks for no more than those of the
 * other queues, and its queue's name comes first.
 */
async function slots(world: World, stack: AsyncDisposableStack): Promise<Probe> {
  const jobSetId = 'slots';
  const seen = stack.use(watch(world, PROBES, jobSetId));
  const next = (): Promise<string> => submitOne(world, { queue: PROBES, jobSetId, needs: SLOT });
  const cancel = (jobId: string) => cancelJobs(world.connection, { jobIds: [jobId] });
  let holder = await next();
  await cancel(await holderInTheEast(world));
  await seen.event('running', holder);
  stack.defer(async () => {
    await cancel(holder);
    await seen.event('cancelled', holder);
  });
  return async (note) => {
    const queued = await next();
    await seen.event('queued', queued);
    await sleep(EXECUTOR_IDLE_MS);
    const from = performance.now();
    await cancel(holder);
    note('place free to next leased', (await seen.event('leased', queued)) - from);
    await seen.event('running', queued);
    holder = queued;
  };
}

/** Cancels a whole job set. */
function sets(world: World): Probe {
  let count = 0;
  return async (note) => {
    const jobSetId = `set-${count++}`;
    using seen = watch(world, PROBES, jobSetId);
    await submitMany(world, { queue: PROBES, jobSetId, jobs: JOBS_OF_SET });
    await seen.count('queued', JOBS_OF_SET);
    await sleep(200);
    const from = performance.now();
    await cancelJobSet(world.connection, { queue: PROBES, jobSetId });
    note(`cancel a set of ${JOBS_OF_SET}`, (await seen.count('cancelled', JOBS_OF_SET)) - from);
  };
}

/** Asks for a page of queued jobs, as `armadactl get jobs` does. */
function pages({ connection }: World): Probe {
  let count = 0;
  return async (note) => {
    const queue = QUEUES[count++ % QUEUES.length] ?? '';
    const request = { queue, jobSet: '', states: [JobState.QUEUED], pageSize: PAGE_JOBS, pageToken: '' };
    const from = performance.now();
    await connection.call(JobListServiceService.listJobs, request);
    note(`get jobs, ${PAGE_JOBS} a page`, performance.now() - from);
  };
}

async function holderInTheEast({ connection }: World): Promise<string> {
  for (const queue of QUEUES) {
    const states = [JobState.LEASED, JobState.PENDING, JobState.RUNNING];
    for await (const { jobId, node } of listJobs(connection, { queue, states })) {
      if (node.startsWith('east')) return jobId;
    }
  }
  throw new Error('no job holds the node in the east');
}

/** What a job asks for of which node; amounts that are left out are small. */
interface Needs {
  cpu: string;
  storage?: string;
  zone?: string;
}

/** Fits beside everything else. */
export const SMALL: Needs = { cpu: '100m' };
/** Fits where no other job is. */
const LARGE: Needs = { cpu: '4', zone: 'east' };
const SLOT: Needs = { cpu: '200m', storage: '1Gi', zone: 'east' };

/** Submits one job; its id. */
export async function submitOne(
  { connection }: World,
  { queue, jobSetId, needs }: { queue: string; jobSetId: string; needs: Needs },
): Promise<string> {
  const { cpu, storage = '1Mi', zone } = needs;
  const amounts = new Map(
    Object.entries({ cpu, memory: '16Mi', 'ephemeral-storage': storage }).map(([name, string]) => [
      name,
      { string },
    ]),
  );
  const podSpec = PodSpec.fromPartial({
    nodeSelector: zone === undefined ? new Map() : new Map([['zone', zone]]),
    containers: [{ name: 'main', image: 'none', resources: { requests: amounts, limits: amounts } }],
  });
  const item = JobSubmitRequestItem.fromPartial({
    clientId: randomUUID(),
    namespace: 'default',
    priority: 9,
    podSpecs: [podSpec],
  });
  for await (const { jobId } of submitJobs(connection, { queue, jobSetId, items: [item] })) return jobId;
  throw new Error('no id was answered');
}

interface Watch extends Disposable {
  /** When the event came. */
  event(kind: string, jobId: string): Promise<number>;
  /** When so many of these had come. */
  count(kind: string, jobs: number): Promise<number>;
  jobs(kind: string): Map<string, number>;
  changed(): Promise<void>;
}

/** Notes when events of a job set come. */
export function watch({ connection }: World, queue: string, jobSetId: string): Watch {
  const over = new AbortController();
  const seen = new Map<string, Map<string, number>>();
  let change = Promise.withResolvers<void>();
  const jobs = (kind: string): Map<string, number> => {
    let known = seen.get(kind);
    if (!known) {
      known = new Map();
      seen.set(kind, known);
    }
    return known;
  };
  void (async () => {
    for await (const { body } of watchJobSet(connection, { queue, jobSetId, signal: over.signal })) {
      jobs(body.$case).set(body.value.jobId, performance.now());
      change.resolve();
      change = Promise.withResolvers();
    }
  })().catch(() => {});
  const changed = (): Promise<void> => change.promise;
  return {
    jobs,
    changed,
    async event(kind, jobId) {
      for (;;) {
        const at = jobs(kind).get(jobId);
        if (at !== undefined) return at;
        await changed();
      }
    },
    async count(kind, wanted) {
      while (jobs(kind).size < wanted) await changed();
      return performance.now();
    },
    [Symbol.dispose]: () => over.abort(),
  };
}
