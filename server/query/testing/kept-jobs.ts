/** A store that has these jobs, for tests of questions about them. */
import { Queue } from '@armada-ts/api/api/queue';
import { ExecutorRecord, type JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { createAuthorizer } from '../../auth/authorizer.ts';
import type { Principal } from '../../auth/principal.ts';
import { isActive, isTerminal, lastRun } from '../../model/job.ts';
import { stored } from '../../model/testing/jobs.ts';
import type { JobSetInfo, JobSetPart, StoreReader } from '../../store/store.ts';
import type { QueryDeps } from '../access.ts';

export const ANN: Principal = { name: 'ann', groups: [], scopes: [], scheme: 'test' };
export const BOB: Principal = { ...ANN, name: 'bob' };

/** Queues by name, each with its owner; nobody else may watch it. */
export type Owners = Readonly<Record<string, string>>;

/** What questions are asked of: these jobs, and those added later, in `queue` and `other`, which ann owns, and in `bobs`. */
export function questionsAbout(
  jobs: readonly JobRecord[],
  owners: Owners = { bobs: 'bob', other: 'ann', queue: 'ann' },
  pools: readonly string[] = ['default'],
): QueryDeps {
  const authorizer = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
  return { authorizer, store: { read: { ...noReads, ...reads(jobs, owners, pools) } } };
}

const unexpected = (): Promise<never> => Promise.reject(new Error('nobody should ask this'));

const noReads: Omit<StoreReader, keyof ReturnType<typeof reads>> = {
  encodedSpecs: unexpected,
  claims: unexpected,
  jobSet: unexpected,
  stream: unexpected,
  liveJobIds: unexpected,
  active: unexpected,
  executorSettings: unexpected,
  controls: unexpected,
};

function reads(jobs: readonly JobRecord[], owners: Owners, pools: readonly string[]) {
  const inSet = (queue: string, jobSet: string): JobRecord[] =>
    jobs
      .filter((job) => job.queue === queue && job.jobSet === jobSet)
      .toSorted((one, other) => (one.jobId < other.jobId ? -1 : 1));
  const setsOf = (queue: string): string[] =>
    [...new Set(jobs.filter((job) => job.queue === queue).map(({ jobSet }) => jobSet))].sort();
  const queueOf = (name: string) => ({
    queue: Queue.create({ name, userOwners: [owners[name] ?? ''] }),
    version: 1,
  });
  return {
    jobs: async (ids: readonly string[]) =>
      ids.flatMap((id) => jobs.filter(({ jobId }) => jobId === id)).map((job) => stored(job, 1)),
    jobsOfRuns: async (runIds: readonly string[]) =>
      new Map(
        runIds.flatMap((id) =>
          jobs
            .filter(({ runs }) => runs.some(({ runId }) => runId === id))
            .map((job) => [id, stored(job, 1)]),
        ),
      ),
    specs: async (ids: readonly string[]) =>
      new Map(ids.map((jobId) => [jobId, SubmitJob.fromPartial({ jobId, priority: 7 })])),
    queue: async (name: string) => (Object.hasOwn(owners, name) ? queueOf(name) : undefined),
    queues: async () => Object.keys(owners).sort().map(queueOf),
    executors: async () =>
      pools.map((pool) => ExecutorRecord.fromPartial({ id: `e-${pool}`, nodes: [{ pool }] })),
    activeQueues: async () =>
      [...new Set(jobs.filter(({ state }) => !isTerminal(state)).map(({ queue }) => queue))].sort(),
    activeJobSets: async (queue: string) =>
      setsOf(queue).map((jobSet): JobSetInfo => {
        const live = inSet(queue, jobSet).filter(({ state }) => !isTerminal(state));
        const leased = live.filter((job) => lastRun(job) && isActive(lastRun(job)!)).length;
        const places = { streamCreatedMs: 1, lastNumber: 1, firstNumber: 1 };
        return { queue, jobSet, ...places, leased, queued: live.length - leased };
      }),
    jobSetNames: async (queue: string, from: string, limit: number) =>
      setsOf(queue)
        .filter((name) => name >= from)
        .slice(0, limit),
    jobsOfSet: async (queue: string, jobSet: string, { states, afterId, limit }: JobSetPart) =>
      inSet(queue, jobSet)
        .filter(({ jobId, state }) => jobId > afterId && (states.length === 0 || states.includes(state)))
        .slice(0, limit)
        .map((job) => stored(job, 1)),
    jobsByExternalUri: async (queue: string, jobSet: string, uri: string) =>
      inSet(queue, jobSet)
        .filter(({ externalJobUri }) => externalJobUri === uri)
        .map((job) => stored(job, 1)),
  };
}
