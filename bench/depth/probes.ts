// What one caller waits for while many jobs are queued: one thing at a time, on
// a server that has nothing else to do.
import { JobListServiceService } from '@armada-ts/api/armada/jobs/v1/jobs';
import { JobState } from '@armada-ts/api/api/job';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { cancelJobs, cancelJobSet, listJobs, submitJobs, watchJobSet } from '@armada-ts/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROBES, QUEUES, submitMany, type World } from './world.ts';

/** Samples by what was measured, in milliseconds. */
export type Samples = Record<string, number[]>;

const SINGLES = 300;
const SLOTS = 50;
const SETS = 5;
const JOBS_OF_SET = 1_000;
const PAGES = 50;
const IDLE_MS = 10;

/** All probes, one after the other; `label` tells their job sets from those of another time. */
export async function probe(world: World, label: string): Promise<Samples> {
  const samples: Samples = {};
  const note = (name: string, ms: number): void => {
    (samples[name] ??= []).push(ms);
  };
  await singles(world, label, note);
  await slots(world, label, note);
  await sets(world, label, note);
  await pages(world, note);
  return samples;
}

type Note = (name: string, ms: number) => void;

/** Submits, lets it be leased and cancels one small job after the other, and the same with jobs that stay queued. */
async function singles(world: World, label: string, note: Note): Promise<void> {
  const { connection } = world;
  const jobSetId = `singles-${label}`;
  using seen = watch(world, PROBES, jobSetId);
  for (let i = 0; i < SINGLES; i++) {
    for (const needs of [SMALL, LARGE]) {
      const from = performance.now();
      const jobId = await submitOne(world, { queue: PROBES, jobSetId, needs });
      if (needs === LARGE) {
        note('submit', performance.now() - from);
        await sleep(IDLE_MS);
      } else {
        note('submit to leased', (await seen.event('leased', jobId)) - from);
        await seen.event('running', jobId);
      }
      const asked = performance.now();
      await cancelJobs(connection, { jobIds: [jobId], queue: PROBES, jobSetId });
      if (needs === LARGE) note('cancel answered', performance.now() - asked);
      const cancelled = await seen.event('cancelled', jobId);
      if (needs === LARGE) note('cancel to cancelled', cancelled - asked);
      await sleep(IDLE_MS);
    }
  }
}

/**
 * Cancels the job that holds the node in the east, and waits for the queued job
 * that takes its place: one of ours, for it asks for no more than those of the
 * other queues, and its queue's name comes first.
 */
async function slots(world: World, label: string, note: Note): Promise<void> {
  const jobSetId = `slots-${label}`;
  using seen = watch(world, PROBES, jobSetId);
  for (let i = 0; i <= SLOTS; i++) await submitOne(world, { queue: PROBES, jobSetId, needs: SLOT });
  await seen.count('queued', SLOTS + 1);
  let holder = await holderInTheEast(world);
  for (let i = 0; i <= SLOTS; i++) {
    const from = performance.now();
    await cancelJobs(world.connection, { jobIds: [holder] });
    const at = await seen.count('leased', i + 1);
    if (i > 0) note('slot free to next leased', at - from);
    holder = [...seen.jobs('leased').keys()].at(-1) ?? '';
    await seen.event('running', holder);
    await sleep(IDLE_MS);
  }
  await cancelJobs(world.connection, { jobIds: [holder] });
  await seen.event('cancelled', holder);
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

/** Cancels whole job sets. */
async function sets(world: World, label: string, note: Note): Promise<void> {
  for (let i = 0; i < SETS; i++) {
    const jobSetId = `doomed-${label}-${i}`;
    using seen = watch(world, PROBES, jobSetId);
    await submitMany(world, { queue: PROBES, jobSetId, jobs: JOBS_OF_SET });
    await seen.count('queued', JOBS_OF_SET);
    await sleep(200);
    const from = performance.now();
    await cancelJobSet(world.connection, { queue: PROBES, jobSetId });
    note(`cancel a set of ${JOBS_OF_SET}`, (await seen.count('cancelled', JOBS_OF_SET)) - from);
  }
}

/** Pages of queued jobs, as `armadactl get jobs` asks for them. */
async function pages({ connection }: World, note: Note): Promise<void> {
  for (let i = 0; i < PAGES; i++) {
    const request = {
      queue: QUEUES[i % QUEUES.length] ?? '',
      jobSet: '',
      states: [JobState.QUEUED],
      pageSize: 100,
      pageToken: '',
    };
    const from = performance.now();
    await connection.call(JobListServiceService.listJobs, request);
    note('get jobs, 100 a page', performance.now() - from);
  }
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
  const item = JobSubmitRequestItem.fromPartial({ namespace: 'default', priority: 9, podSpecs: [podSpec] });
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
