/**
 * The job state machine: what each event does to a job's record.
 *
 *     QUEUED --leased--> LEASED --assigned--> PENDING --running--> RUNNING
 *       ^                   \                    |                  /
 *       |                    +-------------------+-----------------+
 *       +-----requeued------ run returned, expired or failed
 *
 *     SUCCEEDED, FAILED, REJECTED, PREEMPTED, CANCELLED end a job for good.
 *
 * Three parties write events. Clients request (cancelJob, reprioritiseJob,
 * jobPreemptionRequested): the request is noted and the state stays. Executors
 * report (jobRunAssigned, jobRunRunning, jobRunSucceeded, jobRunErrors): the
 * run changes, the job does not end. Only the scheduler decides (leased,
 * requeued, cancelled, preempted, succeeded, failed).
 *
 * Records are values: applying an event makes a new one. Replaying a job set's
 * stream through these functions gives the records of the store (design
 * invariant I4), so they may use nothing but their arguments.
 */
import type { JobState as JobStateName } from '@armada-ts/api/api/job';
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { Gang, JobRecord, RunRecord } from '@armada-ts/api/armada/store/v1/store';
import type {
  Error as RunError,
  EventSequence,
  EventSequence_Event,
  JobRunPreempted,
  KubernetesResourceInfo,
  StandaloneIngressInfo,
  SubmitJob,
} from '@armada-ts/api/armadaevents/armadaevents';
import { FAIL_FAST } from './annotations.ts';
import { instantOf } from './instant.ts';

export type Event = EventSequence_Event;

/** Who an event sequence is from. */
export type Sender = Pick<EventSequence, 'queue' | 'jobSetName' | 'userId' | 'groups'>;

/** Whether nothing can happen to the job any more. */
export function isTerminal(state: JobStateName): boolean {
  return (
    state === JobState.SUCCEEDED ||
    state === JobState.FAILED ||
    state === JobState.CANCELLED ||
    state === JobState.PREEMPTED ||
    state === JobState.REJECTED
  );
}

/** The newest run, valid or not. */
export function lastRun(record: JobRecord): RunRecord | undefined {
  return record.runs.at(-1);
}

/**
 * The run that may act for the job (design invariant I2): the newest one, while
 * the job is live and the run has not ended. Reports for any other change nothing.
 */
export function validRun(record: JobRecord): RunRecord | undefined {
  const run = lastRun(record);
  return run && isActive(run) && !isTerminal(record.state) ? run : undefined;
}

/** Whether the run is leased, pending or running. */
export function isActive(run: RunRecord): boolean {
  return (
    run.state === JobRunState.RUN_STATE_LEASED ||
    run.state === JobRunState.RUN_STATE_PENDING ||
    run.state === JobRunState.RUN_STATE_RUNNING
  );
}

/** Runs that count against the job's attempts: all but those that came back before anything started. */
export function attemptsOf(record: JobRecord): number {
  return record.runs.filter((run) => run.attempted).length;
}

/** The record a submitted job starts with. */
export function submittedJob(from: {
  sender: Sender;
  job: SubmitJob;
  createdMs: number;
  schedulingClass: string;
  gang: Gang | undefined;
}): JobRecord {
  const { sender, job, createdMs } = from;
  return {
    jobId: job.jobId,
    queue: sender.queue,
    jobSet: sender.jobSetName,
    owner: sender.userId,
    groups: sender.groups,
    namespace: job.objectMeta?.namespace ?? '',
    state: JobState.QUEUED,
    priority: job.priority,
    requestedPriority: undefined,
    reprioritizedBy: '',
    schedulingClass: from.schedulingClass,
    submittedAtMs: createdMs,
    changedAtMs: createdMs,
    endedAtMs: undefined,
    cancel: undefined,
    preempt: undefined,
    runs: [],
    externalJobUri: job.externalJobUri,
    gang: from.gang,
    atMostOnce: job.atMostOnce,
    failFast: job.objectMeta?.annotations.get(FAIL_FAST) === 'true',
    clientId: job.deduplicationId,
    error: undefined,
  };
}

/** Id of the job an event is about; undefined for events of whole job sets. */
export function jobIdOf(event: Event): string | undefined {
  const what = event.event;
  if (what === undefined) return undefined;
  switch (what.$case) {
    case 'reprioritiseJobSet':
    case 'cancelJobSet':
    case 'partitionMarker':
      return undefined;
    case 'jobRunPreempted':
      return what.value.preemptedJobId;
    case 'submitJob':
    case 'reprioritiseJob':
    case 'reprioritisedJob':
    case 'cancelJob':
    case 'cancelledJob':
    case 'jobSucceeded':
    case 'jobErrors':
    case 'jobRunLeased':
    case 'jobRunAssigned':
    case 'jobRunRunning':
    case 'jobRunSucceeded':
    case 'jobRunErrors':
    case 'standaloneIngressInfo':
    case 'resourceUtilisation':
    case 'jobRunPreemptionRequested':
    case 'jobRequeued':
    case 'jobPreemptionRequested':
    case 'jobRunCancelled':
    case 'jobValidated':
    case 'jobRunTerminatedDebugInfo':
      return what.value.jobId;
  }
}

/**
 * The record after an event, or undefined when the event does not apply to it
 * (the job has ended, the run is not the valid one, the request was made
 * before): then nothing may be appended. Submits make a record instead of
 * changing one, see submittedJob.
 * @param userId who sent the sequence the event stands in
 */
export function applyEvent(record: JobRecord, event: Event, userId: string): JobRecord | undefined {
  const what = event.event;
  if (what === undefined || isTerminal(record.state)) return undefined;
  const atMs = instantOf(event.created);
  switch (what.$case) {
    case 'cancelJob':
      if (record.cancel) return undefined;
      return { ...record, cancel: { requestor: userId, reason: what.value.reason, atMs } };
    case 'jobPreemptionRequested':
      // Preempted is a run; a job without one has nothing to give way with.
      if (record.preempt || !validRun(record)) return undefined;
      return { ...record, preempt: { requestor: userId, reason: what.value.reason, atMs } };
    case 'reprioritiseJob':
      return { ...record, requestedPriority: what.value.priority, reprioritizedBy: userId };
    case 'reprioritisedJob':
      return { ...record, priority: what.value.priority, requestedPriority: undefined, reprioritizedBy: '' };
    case 'cancelledJob': {
      // Whoever cancelled the whole job set made no request about this job.
      const { requestor, reason } = what.value;
      const cancel = record.cancel ?? { requestor, reason, atMs };
      return ended({ ...record, cancel }, JobState.CANCELLED, atMs);
    }
    case 'jobSucceeded':
      return lastRun(record)?.state === JobRunState.RUN_STATE_SUCCEEDED
        ? ended(record, JobState.SUCCEEDED, atMs)
        : undefined;
    case 'jobErrors':
      return failed(record, what.value.errors, atMs);
    case 'jobRequeued':
      return requeued(record, atMs);
    case 'jobRunLeased':
      return leased(record, what.value, atMs);
    case 'jobRunAssigned':
    case 'jobRunRunning':
    case 'jobRunSucceeded':
    case 'jobRunErrors':
    case 'jobRunCancelled':
      return runChanged(record, what, atMs);
    case 'jobRunPreempted':
      return runPreempted(record, what.value, atMs);
    // Told by executors of the newest run, also just after it ended; an earlier one is nobody's concern.
    case 'standaloneIngressInfo':
      return reachable(record, what.value);
    case 'resourceUtilisation':
    case 'jobRunTerminatedDebugInfo':
      return lastRun(record)?.runId === what.value.runId ? record : undefined;
    case 'jobRunPreemptionRequested':
    case 'jobValidated':
      return record;
    case 'submitJob':
    case 'reprioritiseJobSet':
    case 'cancelJobSet':
    case 'partitionMarker':
      return undefined;
  }
}

type RunEvent = Extract<
  NonNullable<Event['event']>,
  { $case: 'jobRunAssigned' | 'jobRunRunning' | 'jobRunSucceeded' | 'jobRunErrors' | 'jobRunCancelled' }
>;

function runChanged(record: JobRecord, what: RunEvent, atMs: number): JobRecord | undefined {
  const runId = what.value.runId;
  switch (what.$case) {
    case 'jobRunAssigned': {
      if (lastRun(record)?.state !== JobRunState.RUN_STATE_LEASED) return undefined;
      const change = { state: JobRunState.RUN_STATE_PENDING, pendingAtMs: atMs, attempted: true };
      return changeRun(record, runId, atMs, change, what.value.resourceInfos);
    }
    case 'jobRunRunning': {
      if (lastRun(record)?.state === JobRunState.RUN_STATE_RUNNING) return undefined;
      const change = { state: JobRunState.RUN_STATE_RUNNING, startedAtMs: atMs, attempted: true };
      return changeRun(record, runId, atMs, change, what.value.resourceInfos);
    }
    case 'jobRunSucceeded': {
      const change = { state: JobRunState.RUN_STATE_SUCCEEDED, finishedAtMs: atMs, attempted: true };
      return changeRun(record, runId, atMs, change, what.value.resourceInfos);
    }
    case 'jobRunCancelled':
      return changeRun(record, runId, atMs, { state: JobRunState.RUN_STATE_CANCELLED, finishedAtMs: atMs });
    case 'jobRunErrors':
      return runErred(record, runId, what.value.errors, atMs);
  }
}

/** The job's state follows its run's while the run is under way. */
const JOB_STATE_OF_RUN = new Map<number, JobStateName>([
  [JobRunState.RUN_STATE_PENDING, JobState.PENDING],
  [JobRunState.RUN_STATE_RUNNING, JobState.RUNNING],
]);

function changeRun(
  record: JobRecord,
  runId: string,
  atMs: number,
  ...[change, resources]: [change: Partial<RunRecord>, resources?: KubernetesResourceInfo[]]
): JobRecord | undefined {
  const run = validRun(record);
  if (!run || run.runId !== runId) return undefined;
  const resource = resources?.[0] ?? run.resource;
  const runs = [...record.runs.slice(0, -1), { ...run, ...change, resource }];
  const state = change.state === undefined ? undefined : JOB_STATE_OF_RUN.get(change.state);
  if (state === undefined || state === record.state) return { ...record, runs };
  return { ...record, runs, state, changedAtMs: atMs };
}

function runErred(record: JobRecord, runId: string, errors: RunError[], atMs: number): JobRecord | undefined {
  const error = errors.findLast((one) => one.terminal) ?? errors.at(-1);
  const reason = error?.reason;
  if (reason?.$case === 'podLeaseReturned') {
    const attempted = reason.value.runAttempted;
    const state = JobRunState.RUNS_STATE_LEASE_RETURNED;
    return changeRun(record, runId, atMs, { state, finishedAtMs: atMs, error, attempted });
  }
  if (reason?.$case === 'leaseExpired') {
    // Nobody can say whether it started, so it counts as an attempt.
    const state = JobRunState.RUN_STATE_LEASE_EXPIRED;
    return changeRun(record, runId, atMs, { state, finishedAtMs: atMs, error, attempted: true });
  }
  const state = JobRunState.RUN_STATE_FAILED;
  return changeRun(record, runId, atMs, { state, finishedAtMs: atMs, error, attempted: true });
}

/**
 * A run that came to its end while it was to be preempted keeps that end: the
 * event then only says why the job is not tried again.
 */
function runPreempted(
  record: JobRecord,
  { preemptedRunId, requestor, reason }: JobRunPreempted,
  atMs: number,
): JobRecord | undefined {
  const last = lastRun(record);
  if (last?.runId !== preemptedRunId || record.state === JobState.QUEUED) return undefined;
  const preempt = requestor === '' ? record.preempt : (record.preempt ?? { requestor, reason, atMs });
  const noted = { ...record, preempt };
  if (MAY_BE_FOLLOWED.has(last.state)) return noted;
  const change = { state: JobRunState.RUN_STATE_PREEMPTED, finishedAtMs: atMs };
  return changeRun(noted, preemptedRunId, atMs, change);
}

function leased(
  record: JobRecord,
  lease: { runId: string; executorId: string; nodeId: string; pool: string },
  atMs: number,
): JobRecord | undefined {
  if (record.state !== JobState.QUEUED) return undefined;
  const run: RunRecord = {
    runId: lease.runId,
    executorId: lease.executorId,
    node: lease.nodeId,
    pool: lease.pool,
    state: JobRunState.RUN_STATE_LEASED,
    leasedAtMs: atMs,
    pendingAtMs: undefined,
    startedAtMs: undefined,
    finishedAtMs: undefined,
    attempted: false,
    error: undefined,
    resource: undefined,
    ingressAddresses: new Map(),
  };
  return { ...record, state: JobState.LEASED, changedAtMs: atMs, runs: [...record.runs, run] };
}

function reachable(
  record: JobRecord,
  { runId, ingressAddresses }: StandaloneIngressInfo,
): JobRecord | undefined {
  const run = lastRun(record);
  if (run?.runId !== runId) return undefined;
  return { ...record, runs: [...record.runs.slice(0, -1), { ...run, ingressAddresses }] };
}

/** Ends of a run that another run may follow. */
const MAY_BE_FOLLOWED = new Set<number>([
  JobRunState.RUNS_STATE_LEASE_RETURNED,
  JobRunState.RUN_STATE_LEASE_EXPIRED,
  JobRunState.RUN_STATE_FAILED,
]);

function requeued(record: JobRecord, atMs: number): JobRecord | undefined {
  const run = lastRun(record);
  if (record.state === JobState.QUEUED || !run || !MAY_BE_FOLLOWED.has(run.state)) return undefined;
  return { ...record, state: JobState.QUEUED, changedAtMs: atMs };
}

function failed(record: JobRecord, errors: RunError[], atMs: number): JobRecord | undefined {
  const error = errors.findLast((one) => one.terminal);
  if (!error) return record;
  switch (error.reason?.$case) {
    case 'jobRejected':
      return { ...ended(record, JobState.REJECTED, atMs), error };
    case 'jobRunPreemptedError':
      return { ...ended(record, JobState.PREEMPTED, atMs), error };
    default:
      return { ...ended(record, JobState.FAILED, atMs), error };
  }
}

function ended(record: JobRecord, state: JobStateName, atMs: number): JobRecord {
  return { ...record, state, changedAtMs: atMs, endedAtMs: atMs };
}
