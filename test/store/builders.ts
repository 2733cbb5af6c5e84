/**
 * Builders of jobs and batches for tests and benchmarks: short to write, and
 * right in all that the store's port demands.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import { Queue } from '@armada-ts/api/api/queue';
import {
  Batch,
  Control_Kind,
  JobRecord,
  NewJob,
  RunRecord,
  SchedulingClass,
  type StoredJob,
} from '@armada-ts/api/armada/store/v1/store';
import {
  EventSequence,
  type EventSequence_Event,
  JobRequeued,
  JobRunLeased,
  JobRunRunning,
  JobSucceeded,
  SubmitJob,
} from '@armada-ts/api/armadaevents/armadaevents';
import { jobId, requestPrefix, runId, slotOfQueue } from '@armada-ts/server/model/ids';
import type { ControlChange } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

/** When builders say things happened, unless told otherwise. */
export const BUILT_AT_MS = 1_700_000_000_000;

/** What differs between the jobs of one request. */
export interface JobOptions {
  clientId?: string;
  /** Id of the scheduling class. */
  schedulingClass?: string;
  priority?: number;
  externalJobUri?: string;
  /** Size of the spec, at least; it is unlike any other. */
  specBytes?: number;
}

/** What the jobs of one request share. */
export interface RequestOptions {
  queue?: string;
  jobSet?: string;
  /** Milliseconds; the first part of the ids. */
  atMs?: number;
}

/** A batch that submits one job for each of `jobs`, to one job set. */
export function submitBatch(
  jobs: readonly JobOptions[],
  { queue = 'queue', jobSet = 'set', atMs = BUILT_AT_MS }: RequestOptions = {},
): Batch {
  const prefix = requestPrefix(atMs, randomBytes(7));
  const slot = slotOfQueue(queue);
  const submitted = jobs.map((options, index) =>
    newJob(jobId(prefix, index, slot), { ...options, queue, jobSet, atMs }),
  );
  const ids = submitted.map(({ record }) => record?.jobId ?? '');
  const classIds = new Set(submitted.map(({ record }) => record?.schedulingClass ?? ''));
  return Batch.fromPartial({
    queue,
    sequences: [eventsOf(queue, jobSet, ids.map(submitEvent))],
    submitted,
    classes: [...classIds].map(classOf),
  });
}

/** A batch that submits `count` plain jobs. */
export function submitJobs(count: number, options: RequestOptions & JobOptions = {}): Batch {
  return submitBatch(
    Array.from({ length: count }, () => options),
    options,
  );
}

function newJob(id: string, options: JobOptions & Required<RequestOptions>): NewJob {
  const {
    queue,
    jobSet,
    clientId = '',
    schedulingClass = 'small',
    priority = 1,
    externalJobUri = '',
    atMs,
  } = options;
  const record = JobRecord.fromPartial({
    jobId: id,
    queue,
    jobSet,
    owner: 'alice',
    groups: ['users'],
    namespace: 'default',
    state: JobState.QUEUED,
    priority,
    schedulingClass,
    submittedAtMs: atMs,
    changedAtMs: atMs,
    clientId,
    externalJobUri,
  });
  const spec = Buffer.from(SubmitJob.encode(specOf(id, options.specBytes ?? 0)).finish());
  const claimHash = clientId === '' ? Buffer.alloc(0) : createHash('sha256').update(clientId).digest();
  return NewJob.fromPartial({ record, spec, claimHash });
}

/** A spec that could be no other job's, of at least so many bytes. */
function specOf(id: string, bytes: number): SubmitJob {
  const spec = SubmitJob.fromPartial({ jobId: id, priority: 1, objectMeta: { namespace: 'default' } });
  const missing = bytes - SubmitJob.encode(spec).finish().length;
  if (missing <= 0 || !spec.objectMeta) return spec;
  // As in real submits, some of it is this job's own and most is the same for all jobs of a request.
  const own = createHash('sha512').update(id).digest('hex');
  spec.objectMeta.annotations.set('example.com/input', own.padEnd(missing - 26, 'part of a command/'));
  return spec;
}

/** A class of this id; what it asks for does not matter to the store. */
export function classOf(id: string): SchedulingClass {
  return SchedulingClass.fromPartial({
    id,
    requests: new Map([['cpu', id.length * 1000]]),
    priorityClass: id,
  });
}

export function eventsOf(queue: string, jobSetName: string, events: EventSequence_Event[]): EventSequence {
  return EventSequence.fromPartial({ queue, jobSetName, userId: 'alice', groups: ['users'], events });
}

export function submitEvent(id: string): EventSequence_Event {
  return withInstant({ $case: 'submitJob', value: SubmitJob.fromPartial({ jobId: id }) });
}

export function withInstant(event: EventSequence_Event['event'], atMs = BUILT_AT_MS): EventSequence_Event {
  return { event, created: { seconds: BigInt(Math.floor(atMs / 1000)), nanos: (atMs % 1000) * 1_000_000 } };
}

/** How a job changes: leases it to a new run, starts that run, ends the job, or puts it back. */
export type Change = 'lease' | 'run' | 'succeed' | 'requeue';

/** The record after the change. */
export function changed({ record }: StoredJob, change: Change, atMs = BUILT_AT_MS): JobRecord {
  assert(record);
  const runs = record.runs.map((run) => ({ ...run }));
  const next = { ...record, runs, changedAtMs: atMs };
  switch (change) {
    case 'lease': {
      const id = runId(slotOfQueue(record.queue), randomBytes(16));
      runs.push(RunRecord.fromPartial({ runId: id, executorId: 'cluster', node: 'node', pool: 'default' }));
      return { ...next, state: JobState.LEASED };
    }
    case 'run':
      for (const run of runs.slice(-1)) run.state = JobRunState.RUN_STATE_RUNNING;
      return { ...next, state: JobState.RUNNING };
    case 'succeed':
      return { ...next, state: JobState.SUCCEEDED, endedAtMs: atMs };
    case 'requeue':
      return { ...next, state: JobState.QUEUED };
  }
}

/** A batch that changes jobs of one queue, with one event each. */
export function changeBatch(
  jobs: readonly StoredJob[],
  change: Change,
  options: { term?: number; atMs?: number } = {},
): Batch {
  const [first] = jobs;
  assert(first?.record);
  const { queue } = first.record;
  const bySet = Map.groupBy(jobs, ({ record }) => record?.jobSet ?? '');
  return Batch.fromPartial({
    queue,
    ...(options.term !== undefined && { term: options.term }),
    sequences: [...bySet].map(([jobSet, members]) =>
      eventsOf(
        queue,
        jobSet,
        members.map(({ record }) => changeEvent(record?.jobId ?? '', change)),
      ),
    ),
    changed: jobs.map((job) => ({
      record: changed(job, change, options.atMs),
      expectedVersion: job.version,
    })),
  });
}

function changeEvent(jobId: string, change: Change): EventSequence_Event {
  switch (change) {
    case 'lease':
      return withInstant({ $case: 'jobRunLeased', value: JobRunLeased.fromPartial({ jobId }) });
    case 'run':
      return withInstant({ $case: 'jobRunRunning', value: JobRunRunning.fromPartial({ jobId }) });
    case 'succeed':
      return withInstant({ $case: 'jobSucceeded', value: JobSucceeded.fromPartial({ jobId }) });
    case 'requeue':
      return withInstant({ $case: 'jobRequeued', value: JobRequeued.fromPartial({ jobId }) });
  }
}

/** Makes a queue, or changes it. */
export function queueChange(name: string, expectedVersion?: number, priorityFactor = 1): ControlChange {
  const record = Queue.encode(Queue.fromPartial({ name, priorityFactor })).finish();
  return {
    kind: Control_Kind.KIND_QUEUE,
    name,
    record,
    ...(expectedVersion !== undefined && { expectedVersion }),
  };
}
