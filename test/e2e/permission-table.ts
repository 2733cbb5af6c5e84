// What every method that the server offers demands of its caller, written down
// once more, by hand: the server's own list is what is under test.
import { JobState } from '@armada-ts/api/api/job';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { Queue } from '@armada-ts/api/api/queue';
import type { Permission } from '@armada-ts/server/auth/permissions';
import type { QueueVerb } from '@armada-ts/server/model/queue';
import type { Outcome } from './calls.ts';
import { jobItem } from './items.ts';
import { KEY_ROWS } from './key-rows.ts';

/** What a caller must be: `peer` is another server, which nobody is who has credentials. */
export type Demand = Permission | `queue:${QueueVerb}` | 'authenticated' | 'anyone' | 'peer';

/** The permission that gives a verb on all queues. */
export const EVERYWHERE: Record<QueueVerb, Permission> = {
  submit: 'submit_any_jobs',
  cancel: 'cancel_any_jobs',
  preempt: 'preempt_any_jobs',
  reprioritize: 'reprioritize_any_jobs',
  watch: 'watch_all_events',
};

/** Where all jobs of these tests are in another system. */
export const EXTERNAL_JOB_URI = 'https://example.com/jobs';

/** What a call is about: made for this call, touched by no other. */
export interface Target {
  queue: string;
  /** A queued job of `queue`, in job set `set`. */
  jobId: string;
  /** A queue without jobs, of the same owner as `queue`. */
  spare: string;
  /** Name of no queue. */
  fresh: string;
}

export interface Row {
  path: string;
  demand: Demand;
  request: (target: Target) => object;
  /** How it shows that the caller may; without it an OK does. */
  isDone?: (outcome: Outcome, target: Target) => boolean;
  /**
   * The answer to the same request about a job that does not exist, where a
   * refusal must look the same; without it a refusal is PERMISSION_DENIED.
   */
  unknownJob?: (jobId: string) => { code: Outcome['code']; answer?: object; message?: string };
}

const queueRows = (service: string): Row[] => [
  {
    path: `${service}/CreateQueue`,
    demand: 'create_queue',
    request: ({ fresh }) => Queue.fromPartial({ name: fresh, priorityFactor: 1 }),
  },
  {
    path: `${service}/CreateQueues`,
    demand: 'create_queue',
    request: ({ fresh }) => ({ queues: [Queue.fromPartial({ name: fresh, priorityFactor: 1 })] }),
    isDone: hasNoFailedQueue,
  },
  {
    path: `${service}/UpdateQueue`,
    demand: 'create_queue',
    request: ({ spare }) => Queue.fromPartial({ name: spare, priorityFactor: 2 }),
  },
  {
    path: `${service}/UpdateQueues`,
    demand: 'create_queue',
    request: ({ spare }) => ({ queues: [Queue.fromPartial({ name: spare, priorityFactor: 3 })] }),
    isDone: hasNoFailedQueue,
  },
  { path: `${service}/DeleteQueue`, demand: 'delete_queue', request: ({ spare }) => ({ name: spare }) },
  { path: `${service}/GetQueue`, demand: 'authenticated', request: ({ queue }) => ({ name: queue }) },
  { path: `${service}/GetQueues`, demand: 'authenticated', request: () => ({ num: 0 }) },
];

const PEER_STREAM = { executorId: 'e', session: 'process', number: 1 };

/** Methods may stand here more than once, for each way in which they find their queue. */
export const ROWS: Row[] = [
  ...queueRows('/api.Submit'),
  ...queueRows('/api.QueueService'),
  {
    path: '/api.QueueService/CordonQueue',
    demand: 'cordon_queue',
    request: ({ spare }) => ({ name: spare }),
  },
  {
    path: '/api.QueueService/UncordonQueue',
    demand: 'cordon_queue',
    request: ({ spare }) => ({ name: spare }),
  },
  {
    path: '/api.Submit/SubmitJobs',
    demand: 'queue:submit',
    request: ({ queue }) => ({ queue, jobSetId: 'set', jobRequestItems: [jobItem({})] }),
  },
  {
    // A job that is known already: its id is no secret of those who may submit.
    path: '/api.Submit/SubmitJobs',
    demand: 'queue:submit',
    request: ({ queue }) => ({
      queue,
      jobSetId: 'claimed',
      jobRequestItems: [JobSubmitRequestItem.fromPartial(jobItem({ clientId: 'claimed' }))],
    }),
  },
  {
    path: '/api.Submit/CancelJobs',
    demand: 'queue:cancel',
    request: ({ jobId }) => ({ jobId: '', jobIds: [jobId], jobSetId: '', queue: '', reason: '' }),
    isDone: ({ answer }, { jobId }) => isCancelled(answer, [jobId]),
    unknownJob: () => ({ code: 'OK', answer: { cancelledIds: [] } }),
  },
  {
    path: '/api.Submit/CancelJobs',
    demand: 'queue:cancel',
    request: ({ jobId, queue }) => ({ jobId, jobIds: [], jobSetId: 'set', queue, reason: '' }),
    isDone: ({ answer }, { jobId }) => isCancelled(answer, [jobId]),
  },
  {
    path: '/api.Submit/CancelJobs',
    demand: 'queue:cancel',
    request: ({ queue }) => ({ jobId: '', jobIds: [], jobSetId: 'none', queue, reason: '' }),
  },
  {
    path: '/api.Submit/CancelJobSet',
    demand: 'queue:cancel',
    request: ({ queue }) => ({ queue, jobSetId: 'set', filter: { states: [JobState.QUEUED] }, reason: '' }),
  },
  {
    path: '/api.Submit/ReprioritizeJobs',
    demand: 'queue:reprioritize',
    request: ({ jobId }) => ({ jobIds: [jobId], jobSetId: '', queue: '', newPriority: 7 }),
    isDone: ({ answer }, { jobId }) => mapOf(answer, 'reprioritizationResults')?.get(jobId) === '',
    unknownJob: (jobId) => ({
      code: 'OK',
      answer: { reprioritizationResults: new Map([[jobId, `job "${jobId}" does not exist`]]) },
    }),
  },
  {
    path: '/api.Submit/ReprioritizeJobs',
    demand: 'queue:reprioritize',
    request: ({ queue }) => ({ jobIds: [], jobSetId: 'set', queue, newPriority: 8 }),
  },
  {
    path: '/api.Submit/PreemptJobs',
    demand: 'queue:preempt',
    request: ({ jobId, queue }) => ({ queue, jobSetId: 'set', jobIds: [jobId], reason: '' }),
    // The job has no run; a stranger would not learn so much.
    isDone: ({ answer }, { jobId }) =>
      mapOf(answer, 'preemptionResults')?.get(jobId) === `job ${jobId} has no run that could be preempted`,
  },
  {
    path: '/api.QueueService/CancelOnQueue',
    demand: 'cancel_any_jobs',
    request: ({ spare }) => ({
      name: spare,
      priorityClasses: [],
      jobStates: [JobState.QUEUED],
      pools: [],
    }),
  },
  {
    path: '/api.QueueService/PreemptOnQueue',
    demand: 'preempt_any_jobs',
    request: ({ spare }) => ({ name: spare, priorityClasses: [], pools: [] }),
  },
  {
    path: '/api.Executor/UpsertExecutorSettings',
    demand: 'update_executor_settings',
    request: ({ fresh }) => ({ name: fresh, cordoned: true, cordonReason: 'dust' }),
  },
  {
    path: '/api.Executor/DeleteExecutorSettings',
    demand: 'update_executor_settings',
    request: ({ fresh }) => ({ name: fresh }),
  },
  {
    path: '/api.Executor/DeleteExecutor',
    demand: 'update_executor_settings',
    request: ({ fresh }) => ({ name: fresh }),
  },
  {
    path: '/api.Executor/PreemptOnExecutor',
    demand: 'preempt_any_jobs',
    request: (target) => onFleet(target, {}),
  },
  {
    path: '/api.Executor/CancelOnExecutor',
    demand: 'cancel_any_jobs',
    request: (target) => onFleet(target, {}),
  },
  {
    path: '/api.Node/PreemptOnNode',
    demand: 'preempt_any_jobs',
    request: (target) => onFleet(target, { executor: 'e' }),
  },
  {
    path: '/api.Node/CancelOnNode',
    demand: 'cancel_any_jobs',
    request: (target) => onFleet(target, { executor: 'e' }),
  },
  {
    path: '/api.Submit/GetQueueInfo',
    demand: 'queue:watch',
    request: ({ queue }) => ({ name: queue }),
  },
  { path: '/api.Submit/Health', demand: 'authenticated', request: () => ({}) },
  { path: '/grpc.health.v1.Health/Check', demand: 'anyone', request: () => ({ service: '' }) },
  { path: '/grpc.health.v1.Health/List', demand: 'anyone', request: () => ({}) },
  { path: '/grpc.health.v1.Health/Watch', demand: 'anyone', request: () => ({ service: '' }) },
  ...['v1', 'v1alpha'].map(
    (version): Row => ({
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      demand: 'authenticated',
      request: () => ({ host: '', messageRequest: { $case: 'listServices', value: '' } }),
    }),
  ),
  { path: '/api.Event/Health', demand: 'authenticated', request: () => ({}) },
  {
    path: '/api.Event/GetJobSetEvents',
    demand: 'queue:watch',
    request: ({ queue }) => ({ queue, id: 'set', watch: true, fromMessageId: '', errorIfMissing: false }),
  },
  {
    path: '/api.Event/GetJobSetEvents',
    demand: 'queue:watch',
    request: ({ queue }) => ({ queue, id: 'none', watch: false, fromMessageId: '', errorIfMissing: true }),
    isDone: ({ code }) => code === 'NOT_FOUND',
  },
  {
    path: '/api.Event/Watch',
    demand: 'queue:watch',
    request: ({ queue }) => ({ queue, jobSetId: 'set', fromId: '' }),
  },
  {
    path: '/executorapi.ExecutorApi/LeaseJobRuns',
    demand: 'execute_jobs',
    request: () => ({
      executorId: 'e',
      pool: '',
      resources: new Map(),
      minimumJobSize: new Map(),
      nodes: [],
      maxJobsToLease: 10,
      unassignedJobRunIds: [],
    }),
  },
  {
    path: '/executorapi.ExecutorApi/ReportEvents',
    demand: 'execute_jobs',
    request: ({ queue, jobId }) => ({
      events: [
        {
          queue,
          jobSetName: 'set',
          userId: '',
          groups: [],
          events: [
            {
              created: undefined,
              event: { $case: 'jobRunSucceeded', value: { jobId, runId: 'none', resourceInfos: [] } },
            },
          ],
        },
      ],
    }),
  },
  {
    path: '/armada.executor.v1.ExecutorLinkService/Link',
    demand: 'execute_jobs',
    request: () => ({ message: { $case: 'hello', value: { executorId: 'e' } } }),
  },
  {
    path: '/armada.server.v1.PeerService/See',
    demand: 'peer',
    request: () => ({ stream: PEER_STREAM, isRepeated: false, part: Buffer.alloc(0), hasMore: false }),
  },
  {
    path: '/armada.server.v1.PeerService/ReadLog',
    demand: 'peer',
    request: ({ jobId }) => ({
      executorId: 'e',
      jobId,
      runId: '',
      container: '',
      offset: 0n,
      follow: false,
    }),
  },
  {
    path: '/armada.server.v1.PeerService/Hold',
    demand: 'peer',
    request: () => ({ stream: PEER_STREAM }),
  },
  {
    path: '/armada.server.v1.PeerService/ReadFleet',
    demand: 'peer',
    request: () => ({ question: { $case: 'executors', value: { name: '', pageSize: 0, pageToken: '' } } }),
  },
  {
    path: '/armada.server.v1.PeerService/ChangeLogLevel',
    demand: 'peer',
    request: () => ({ component: '', level: undefined }),
  },
  ...KEY_ROWS,
  {
    path: '/armada.server.v1.ServerInfoService/GetServerInfo',
    demand: 'authenticated',
    request: () => ({}),
    isDone: ({ answer }) => Boolean(answer && 'acknowledgement' in answer && answer.acknowledgement),
  },
  {
    path: '/armada.logs.v1.LogService/ReadLog',
    demand: 'queue:watch',
    request: ({ jobId }) => ({ jobId, runId: '', container: '', offset: 0n, follow: false }),
    isDone: ({ error }) => error?.reason === 'LOG_NOT_FOUND',
    unknownJob: (jobId) => ({ code: 'NOT_FOUND', message: `job ${jobId} does not exist` }),
  },
  {
    path: '/api.Jobs/GetJobStatus',
    demand: 'queue:watch',
    request: ({ jobId }) => ({ jobIds: [jobId] }),
    isDone: ({ answer }, { jobId }) => mapOf(answer, 'jobStates')?.get(jobId) === JobState.QUEUED,
    unknownJob: (jobId) => ({ code: 'OK', answer: { jobStates: new Map([[jobId, JobState.UNKNOWN]]) } }),
  },
  {
    path: '/api.Jobs/GetJobStatusUsingExternalJobUri',
    demand: 'queue:watch',
    request: ({ queue }) => ({ queue, jobset: 'set', externalJobUri: EXTERNAL_JOB_URI }),
    isDone: ({ answer }, { jobId }) => mapOf(answer, 'jobStates')?.get(jobId) === JobState.QUEUED,
    unknownJob: () => ({ code: 'OK', answer: { jobStates: new Map() } }),
  },
  {
    path: '/api.Jobs/GetJobDetails',
    demand: 'queue:watch',
    request: ({ jobId }) => ({ jobIds: [jobId], expandJobSpec: true, expandJobRun: true }),
    isDone: ({ answer }, { jobId }) => mapOf(answer, 'jobDetails')?.has(jobId) === true,
    unknownJob: () => ({ code: 'OK', answer: { jobDetails: new Map() } }),
  },
  {
    path: '/api.Jobs/GetJobErrors',
    demand: 'queue:watch',
    request: ({ jobId }) => ({ jobIds: [jobId] }),
    isDone: ({ answer }, { jobId }) => mapOf(answer, 'jobErrors')?.get(jobId) === '',
    unknownJob: () => ({ code: 'OK', answer: { jobErrors: new Map() } }),
  },
  {
    // No job here has a run; those of others are hidden in jobs.test.ts.
    path: '/api.Jobs/GetJobRunDetails',
    demand: 'queue:watch',
    request: () => ({ runIds: ['none'] }),
    unknownJob: () => ({ code: 'OK', answer: { jobRunDetails: new Map() } }),
  },
  // Each is told of the queues they may watch.
  { path: '/api.Jobs/GetActiveQueues', demand: 'authenticated', request: () => ({}) },
  {
    path: '/armada.jobs.v1.JobListService/ListJobs',
    demand: 'queue:watch',
    request: ({ queue }) => listRequest(queue),
  },
  {
    path: '/armada.jobs.v1.JobListService/ListJobs',
    demand: 'authenticated',
    request: () => listRequest(''),
  },
  {
    path: '/armada.jobs.v1.JobListService/DescribeJob',
    demand: 'queue:watch',
    request: ({ jobId }) => ({ jobId }),
    unknownJob: (jobId) => ({ code: 'NOT_FOUND', message: `job ${jobId} does not exist` }),
  },
];

function onFleet({ queue, fresh }: Target, more: object): object {
  return { name: fresh, queues: [queue], priorityClasses: [], pools: [], ...more };
}

function listRequest(queue: string): object {
  return { queue, jobSet: '', states: [], pageSize: 1, pageToken: '' };
}

function hasNoFailedQueue({ code, answer }: Outcome): boolean {
  return (
    code === 'OK' && answer !== undefined && 'failedQueues' in answer && String(answer.failedQueues) === ''
  );
}

function isCancelled(answer: object | undefined, ids: string[]): boolean {
  return answer !== undefined && 'cancelledIds' in answer && String(answer.cancelledIds) === String(ids);
}

/** A map of an answer, by the name of its field. */
function mapOf(answer: object | undefined, field: string): ReadonlyMap<string, unknown> | undefined {
  const value = new Map<string, unknown>(Object.entries(answer ?? {})).get(field);
  return value instanceof Map ? value : undefined;
}
