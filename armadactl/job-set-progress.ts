import { Cause } from '@armada-ts/api/api/job';
import type { JobSetEventBody } from '@armada-ts/client/events';
import { ExitCode } from './exit-codes.ts';

/** A job's state as its events tell it, in the order of a job's life. */
export const WATCHED_STATES = [
  'submitted',
  'queued',
  'leased',
  'pending',
  'running',
  'succeeded',
  'failed',
  'rejected',
  'cancelled',
  'preempted',
] as const;

export type WatchedState = (typeof WATCHED_STATES)[number];

const FINAL: ReadonlySet<WatchedState> = new Set([
  'succeeded',
  'failed',
  'rejected',
  'cancelled',
  'preempted',
]);

/** How the jobs of a set stand, as far as its events were seen. */
export interface JobSetProgress {
  readonly states: Map<string, WatchedState>;
  readonly counts: Map<WatchedState, number>;
}

export function createProgress(): JobSetProgress {
  return { states: new Map(), counts: new Map() };
}

/** Takes an event into account. The first final state of a job stays: Armada sends `failed` after `preempted`. */
export function applyEvent(progress: JobSetProgress, body: JobSetEventBody): void {
  const { jobId } = body.value;
  const before = progress.states.get(jobId);
  if (before !== undefined && FINAL.has(before)) return;
  if (body.$case === 'duplicateFound') {
    // 2021 servers announce a resubmitted job under a new id that never lives.
    progress.states.delete(jobId);
    count(progress, before, -1);
    return;
  }
  const after = stateAfter(body);
  if (after !== undefined) setState(progress, jobId, after);
}

export function setState(progress: JobSetProgress, jobId: string, after: WatchedState): void {
  const before = progress.states.get(jobId);
  if (after === before) return;
  progress.states.set(jobId, after);
  count(progress, before, -1);
  count(progress, after, 1);
}

function count(progress: JobSetProgress, state: WatchedState | undefined, change: number): void {
  if (state !== undefined) progress.counts.set(state, (progress.counts.get(state) ?? 0) + change);
}

/** Undefined when the event changes no state. */
export function stateAfter(body: JobSetEventBody): WatchedState | undefined {
  switch (body.$case) {
    case 'submitted':
    case 'queued':
    case 'leased':
    case 'pending':
    case 'running':
    case 'succeeded':
    case 'cancelled':
    case 'preempted':
      return body.$case;
    case 'leaseReturned':
    case 'leaseExpired':
      return 'queued';
    case 'failed':
      if (body.value.retryable) return 'queued';
      return body.value.cause === Cause.Rejected ? 'rejected' : 'failed';
    default:
      return undefined;
  }
}

export function isFinal(state: WatchedState): boolean {
  return FINAL.has(state);
}

/** States that some job is in, in the order of a job's life. */
export function countsByState(progress: JobSetProgress): [WatchedState, number][] {
  return WATCHED_STATES.flatMap((state) => {
    const jobs = progress.counts.get(state) ?? 0;
    return jobs === 0 ? [] : [[state, jobs] satisfies [WatchedState, number]];
  });
}

/** `3 running, 1 failed`. */
export function countsText(progress: JobSetProgress): string {
  return countsByState(progress)
    .map(([state, jobs]) => `${jobs} ${state}`)
    .join(', ');
}

/** True when there are jobs and all of them have ended. */
export function hasEnded(progress: JobSetProgress): boolean {
  return progress.states.size > 0 && countsByState(progress).every(([state]) => FINAL.has(state));
}

/** What the set as a whole came to: the worst of its jobs' ends. */
export function outcomeExitCode(progress: JobSetProgress): number {
  const some = (state: WatchedState) => (progress.counts.get(state) ?? 0) > 0;
  if (some('failed')) return ExitCode.failed;
  if (some('rejected')) return ExitCode.unschedulable;
  if (some('cancelled') || some('preempted')) return ExitCode.cancelled;
  return ExitCode.ok;
}
