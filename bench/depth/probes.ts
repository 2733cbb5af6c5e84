// What one caller waits for while many jobs are queued: one thing at a time, on
// a server that has nothing else to do.
import { JobListServiceService } from '@armada-ts/api/armada/jobs/v1/jobs';
import { JobState } from '@armada-ts/api/api/job';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { cancelJobs, cancelJobSet, submitJobs, watchJobSet } from '@armada-ts/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { FIRST_JOB_SET, QUEUES, submitMany, type World } from './world.ts';

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
  await slots(world, note);
  await sets(world, label, note);
  await pages(world, note);
  return samples;
}

type Note = (name: string, ms: number) => void;

/** Submits, lets it be leased and cancels one small job after the other, and the same with jobs that stay queued. */
async function singles(world: World, label: string, note: Note): Promise<void> {
  const { connection } = world;
  const jobSetId = `singles-${label}`;
  using seen = watch(world, 'probe', jobSetId);
  for (let i = 0; i < SINGLES; i++) {
    for (const cpu of ['100m', '4']) {
      const from = performance.now();
      const jobId = await submitOne(world, { queue: 'probe', jobSetId, cpu });
      if (cpu === '4') {
        note('submit', performance.now() - from);
        await sleep(IDLE_MS);
      } else {
        note('submit to leased', (await seen.event('leased', jobId)) - from);
        await seen.event('running', jobId);
      }
      const asked = performance.now();
      await cancelJobs(connection, { jobIds: [jobId], queue: 'probe', jobSetId });
      if (cpu === '4') note('cancel answered', performance.now() - asked);
      const cancelled = await seen.event('cancelled', jobId);
      if (cpu === '4') note('cancel to cancelled', cancelled - asked);
      await sleep(IDLE_MS);
    }
  }
}

/** Cancels the job that holds a node, and waits for the queued job that takes its place. */
async function slots(world: World, note: Note): Promise<void> {
  const watches = QUEUES.map((queue) => watch(world, queue, FIRST_JOB_SET));
  try {
    const leases = (): Map<string, number>[] => watches.map((one) => one.jobs('leased'));
    const seen = new Set<string>();
    const next = async (): Promise<{ jobId: string; at: number; queue: string }> => {
      for (;;) {
        for (const [index, jobs] of leases().entries()) {
          for (const [jobId, at] of jobs) {
            const queue = QUEUES[index] ?? '';
            if (!seen.has(jobId)) return { jobId, at, queue };
          }
        }
        await Promise.race(watches.map((one) => one.changed()));
      }
    };
    await sleep(500);
    let holder: Awaited<ReturnType<typeof next>> | undefined;
    for (const jobs of leases()) for (const jobId of jobs.keys()) seen.add(jobId);
    for (let i = 0; i < SLOTS; i++) {
      holder ??= await newest(world, watches);
      seen.add(holder.jobId);
      const from = performance.now();
      await cancelJobs(world.connection, {
        jobIds: [holder.jobId],
        queue: holder.queue,
        jobSetId: FIRST_JOB_SET,
      });
      holder = await next();
      note('slot free to next leased', holder.at - from);
      await sleep(IDLE_MS * 5);
    }
  } finally {
    for (const one of watches) one[Symbol.dispose]();
  }
}

/** The job that holds the node in the east: of priority 0, as nothing in the west is. */
async function newest(
  { connection }: World,
  watches: readonly Watch[],
): Promise<{ jobId: string; at: number; queue: string }> {
  for (const queue of QUEUES) {
    const request = {
      queue,
      jobSet: FIRST_JOB_SET,
      states: [JobState.LEASED, JobState.PENDING, JobState.RUNNING],
      pageSize: 10,
      pageToken: '',
    };
    const { jobs } = await connection.call(JobListServiceService.listJobs, request);
    const found = jobs.find(({ priority }) => priority === 0);
    if (found) return { jobId: found.jobId, at: 0, queue };
  }
  throw new Error(`no job holds a node; ${watches.length} job sets were looked at`);
}

/** Cancels whole job sets. */
async function sets(world: World, label: string, note: Note): Promise<void> {
  for (let i = 0; i < SETS; i++) {
    const jobSetId = `doomed-${label}-${i}`;
    using seen = watch(world, 'probe', jobSetId);
    await submitMany(world, { queue: 'probe', jobSetId, jobs: JOBS_OF_SET });
    await seen.count('queued', JOBS_OF_SET);
    await sleep(200);
    const from = performance.now();
    await cancelJobSet(world.connection, { queue: 'probe', jobSetId });
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

/** Submits one job; its id. */
export async function submitOne(
  { connection }: World,
  { queue, jobSetId, cpu }: { queue: string; jobSetId: string; cpu: string },
): Promise<string> {
  const amounts = new Map(
    Object.entries({ cpu, memory: '16Mi', 'ephemeral-storage': '1Mi' }).map(([name, string]) => [
      name,
      { string },
    ]),
  );
  const podSpec = PodSpec.fromPartial({
    nodeSelector: cpu === '4' ? new Map([['zone', 'east']]) : new Map(),
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
