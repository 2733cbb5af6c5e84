/**
 * What follows from a job's record: the scheduler's decisions about a single
 * job, apart from where it runs. A pure function from the record and a few
 * facts to the events that say so.
 *
 *     the run succeeded           -> the job succeeded
 *     the run failed              -> the job failed, for the run's reason
 *     the run came back, was lost -> queued again, or failed when its attempts are used up;
 *                                    again and again unstarted: after a rest
 *     somebody cancelled the job  -> its run and the job are cancelled
 *     its run is to give way      -> its run and the job are preempted
 *     a new priority was asked for -> it has that priority
 *
 * A run that has succeeded before the cancel or the preemption was carried out
 * has succeeded; everything else gives way to the cancel, and then to the
 * preemption.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { JobRecord, Request, RunRecord } from '@armada-ts/api/armada/store/v1/store';
import { PodLeaseReturned, type Error as RunError } from '@armada-ts/api/armadaevents/armadaevents';
import { timestampOf } from '../model/instant.ts';
import { type Event, applyEvent, attemptsOf, isTerminal, lastRun, validRun } from '../model/job.ts';
import { DRAINED } from '../model/run-error.ts';

export interface Facts {
  /** Wall clock: when the events are made. */
  nowMs: number;
  maxAttempts: number;
  /** Whether the run is given up: its executor has been silent for too long, or does not have it any more. */
  isRunLost: boolean;
}

type Payload = NonNullable<Event['event']>;

/** The scheduler's own events name no user. */
export const SCHEDULER_USER = '';

/** Whether decide might have something to say; cheap, and true too often only for lost executors. */
export function isDue(record: JobRecord): boolean {
  if (isTerminal(record.state)) return false;
  if (record.cancel || record.preempt || record.requestedPriority !== undefined) return true;
  return record.state !== JobState.QUEUED && validRun(record) === undefined;
}

/** The events that follow, in order; none when nothing does. */
export function decide(record: JobRecord, facts: Facts): Event[] {
  if (isTerminal(record.state)) return [];
  const run = lastRun(record);
  if (run?.state === JobRunState.RUN_STATE_SUCCEEDED && record.state !== JobState.QUEUED) {
    return [event(succeeded(record, run), facts)];
  }
  if (record.cancel) return cancelEvents(record, record.cancel, facts.nowMs);
  if (record.preempt) return preemptEvents(record, record.preempt, facts.nowMs);
  const events = afterRun(record, facts);
  if (record.requestedPriority !== undefined && !endsJob(events)) {
    events.push(event(reprioritised(record, record.requestedPriority), facts));
  }
  return events;
}

/** Ends the job, and its run where it has one, because somebody asked for it. */
export function cancelEvents(
  record: JobRecord,
  request: Pick<Request, 'requestor' | 'reason'>,
  nowMs: number,
): Event[] {
  const { requestor, reason } = request;
  const { jobId } = record;
  const run = validRun(record);
  const job: Payload = { $case: 'cancelledJob', value: { jobId, requestor, reason } };
  if (run === undefined) return [event(job, { nowMs })];
  const ended: Payload = {
    $case: 'jobRunCancelled',
    value: { jobId, runId: run.runId, requestor, reason },
  };
  return [event(ended, { nowMs }), event(job, { nowMs })];
}

/**
 * Ends the job and its newest run, because somebody asked for its room; none
 * for a job that holds no room.
 */
export function preemptEvents(
  record: JobRecord,
  request: Pick<Request, 'requestor' | 'reason'>,
  nowMs: number,
): Event[] {
  const run = lastRun(record);
  if (run === undefined || record.state === JobState.QUEUED) return [];
  const { requestor } = request;
  const reason = `Preempted by ${requestor}${because(request)}`;
  const value = {
    preemptedJobId: record.jobId,
    preemptedRunId: run.runId,
    preemptingJobId: '',
    requestor,
    reason,
  };
  const error: RunError = { ...NO_ERROR, reason: { $case: 'jobRunPreemptedError', value: { reason } } };
  return [event({ $case: 'jobRunPreempted', value }, { nowMs }), event(failed(record, error), { nowMs })];
}

/**
 * Takes the run from its node, as if its executor had given it back unstarted, so
 * that it costs the job nothing; none where that would end the job, or where
 * something else has been asked for that ends it.
 */
export function drainEvents(
  record: JobRecord,
  request: Pick<Request, 'requestor' | 'reason'>,
  facts: Pick<Facts, 'nowMs' | 'maxAttempts'>,
): Event[] {
  const run = validRun(record);
  const isEnding = record.cancel !== undefined || record.preempt !== undefined;
  if (run === undefined || isEnding || record.atMostOnce || record.failFast) return [];
  const message = `Drained by ${request.requestor}${because(request)}`;
  const value = PodLeaseReturned.fromPartial({ message, runAttempted: false });
  const error: RunError = {
    ...NO_ERROR,
    failureCategory: DRAINED,
    reason: { $case: 'podLeaseReturned', value },
  };
  const taken = event(
    { $case: 'jobRunErrors', value: { jobId: record.jobId, runId: run.runId, errors: [error] } },
    facts,
  );
  const after = applyAll(record, [taken]);
  const last = lastRun(after);
  if (!last || again(after, last, facts.maxAttempts).$case !== 'jobRequeued') return [];
  return [taken, ...afterRun(after, { ...facts, isRunLost: false })];
}

/** Gives the job another priority, because somebody asked for it. */
export function reprioritiseEvents(
  record: JobRecord,
  change: { priority: number; requestor: string },
  nowMs: number,
): Event[] {
  const { priority, requestor } = change;
  const value = { jobId: record.jobId, priority, requestor };
  return [event({ $case: 'reprioritisedJob', value }, { nowMs })];
}

/** Ends a job that no node can take. */
export function failEvents(
  record: JobRecord,
  reason: NonNullable<RunError['reason']>,
  nowMs: number,
): Event[] {
  return [event(failed(record, { ...NO_ERROR, reason }), { nowMs })];
}

/**
 * The record after all of these events. Throws when one does not apply: then it
 * should not have been made.
 */
export function applyAll(record: JobRecord, events: readonly Event[]): JobRecord {
  let after = record;
  for (const one of events) {
    const next = applyEvent(after, one, SCHEDULER_USER);
    if (next === undefined)
      throw new Error(`${one.event?.$case ?? 'an empty event'} does not apply to the job`);
    after = next;
  }
  return after;
}

/**
 * Runs that started and that their nodes did not keep: another attempt there
 * would likely end the same way. A run that was lost with its executor says
 * nothing about its node, which gets nothing anyway until it is heard of again;
 * avoiding it would end all jobs of a fleet that has one executor.
 */
export function returnedRuns(record: JobRecord): RunRecord[] {
  return record.runs.filter((run) => run.attempted && run.state === JobRunState.RUNS_STATE_LEASE_RETURNED);
}

/** The reason that somebody gave, if any, after what they did. */
function because({ reason }: Pick<Request, 'reason'>): string {
  return reason === '' ? '' : ` - ${reason}`;
}

function isLost(run: RunRecord): boolean {
  return (
    run.state === JobRunState.RUNS_STATE_LEASE_RETURNED || run.state === JobRunState.RUN_STATE_LEASE_EXPIRED
  );
}

function afterRun(record: JobRecord, facts: Facts): Event[] {
  if (record.state === JobState.QUEUED) return [];
  const run = lastRun(record);
  if (run === undefined) return [];
  if (validRun(record)) {
    if (!facts.isRunLost) return [];
    const expired = event(
      {
        $case: 'jobRunErrors',
        value: { jobId: record.jobId, runId: run.runId, errors: [LEASE_EXPIRED] },
      },
      facts,
    );
    const after = applyAll(record, [expired]);
    return [expired, ...afterRun(after, facts)];
  }
  if (isLost(run)) {
    if (restMs(record, facts.nowMs) > 0) return [];
    return [event(again(record, run, facts.maxAttempts), facts)];
  }
  if (run.state !== JobRunState.RUN_STATE_FAILED) return [];
  return [event(failed(record, run.error ?? UNEXPLAINED), facts)];
}

/**
 * How long the job must wait before it is queued again. A run that came back
 * before anything of it had started costs no attempt, so where nodes give back
 * whatever they get (a full disk), nothing else would slow the circle down, and
 * each turn stays in the record and the job set's stream.
 */
export function restMs(record: JobRecord, nowMs: number): number {
  const unstarted = record.runs.length - 1 - record.runs.findLastIndex((run) => !isUnstarted(run));
  const endedAtMs = lastRun(record)?.finishedAtMs;
  if (record.state === JobState.QUEUED || unstarted < 2 || endedAtMs === undefined) return 0;
  const wholeMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** (unstarted - 2));
  return Math.max(0, Math.min(wholeMs, endedAtMs + wholeMs - nowMs));
}

/** After the second unstarted run in a row; it doubles with each. */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
/** Unstarted runs that a job may have: with the rests between them, about an hour of trying. */
const MAX_UNSTARTED = 64;

function isUnstarted(run: RunRecord): boolean {
  return run.state === JobRunState.RUNS_STATE_LEASE_RETURNED && !run.attempted;
}

/** After a run that came back or was lost. */
function again(record: JobRecord, run: RunRecord, maxAttempts: number): Payload {
  const attempts = attemptsOf(record);
  const isExpired = run.state === JobRunState.RUN_STATE_LEASE_EXPIRED;
  if (record.atMostOnce && attempts > 0) {
    if (isExpired) return failed(record, LEASE_EXPIRED);
    return exhausted(record, run, 'The job may be started only once, and its run came back');
  }
  if (record.failFast) {
    return exhausted(record, run, 'The job asks to fail fast, and its run came back');
  }
  if (attempts >= maxAttempts) {
    const times = attempts === 1 ? 'attempt' : 'attempts';
    return exhausted(record, run, `No run was kept in ${attempts} ${times}, the most a job gets`);
  }
  if (record.runs.length - attempts >= MAX_UNSTARTED) {
    return exhausted(record, run, `${MAX_UNSTARTED} runs were given back before they had started`);
  }
  const value = {
    jobId: record.jobId,
    schedulingInfo: undefined,
    updateSequenceNumber: 2 * record.runs.length,
  };
  return { $case: 'jobRequeued', value };
}

function exhausted(record: JobRecord, run: RunRecord, why: string): Payload {
  return failed(record, {
    ...NO_ERROR,
    reason: { $case: 'maxRunsExceeded', value: { message: `${why}. ${lastWords(run)}` } },
  });
}

/** What the last run said, for people. */
export function lastWords(run: RunRecord): string {
  const reason = run.error?.reason;
  if (reason?.$case === 'podLeaseReturned' && reason.value.message !== '') {
    return `The last run, on node "${run.node}", said: ${reason.value.message}`;
  }
  if (reason?.$case === 'leaseExpired') {
    return `The last run was lost with executor "${run.executorId}", which was silent for too long`;
  }
  return `The last run was on node "${run.node}" and gave no reason`;
}

function succeeded(record: JobRecord, run: RunRecord): Payload {
  const resourceInfos = run.resource ? [run.resource] : [];
  return { $case: 'jobSucceeded', value: { jobId: record.jobId, resourceInfos } };
}

function reprioritised(record: JobRecord, priority: number): Payload {
  return {
    $case: 'reprioritisedJob',
    value: { jobId: record.jobId, priority, requestor: record.reprioritizedBy },
  };
}

function failed(record: JobRecord, error: RunError): Payload {
  return { $case: 'jobErrors', value: { jobId: record.jobId, errors: [{ ...error, terminal: true }] } };
}

function endsJob(events: readonly Event[]): boolean {
  return events.some((one) => one.event?.$case === 'jobErrors');
}

function event(payload: Payload, at: { nowMs: number }): Event {
  return { event: payload, created: timestampOf(at.nowMs) };
}

const NO_ERROR = {
  terminal: true,
  failureCategory: '',
  failureSubcategory: '',
  retryPolicyName: '',
} as const;

const LEASE_EXPIRED: RunError = { ...NO_ERROR, reason: { $case: 'leaseExpired', value: {} } };

/** A failed run always says why; should one not, the job must end all the same. */
const UNEXPLAINED: RunError = { ...NO_ERROR, reason: { $case: 'executorError', value: {} } };
