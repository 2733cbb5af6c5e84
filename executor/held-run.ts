import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { TRACEPARENT_ANNOTATION } from '@armada-ts/api/trace/traceparent';
import type { HeldRun, RunState } from './runtime.ts';

/** A job with this annotation set to "true" fails rather than run a second time. */
const AT_MOST_ONCE = 'armadaproject.io/atMostOnce';

/** A run as it is held right after its acceptance. */
export function heldRun(lease: JobRunLease, node: string, acceptedAtMs: number): HeldRun {
  return {
    jobId: lease.job?.jobId ?? '',
    runId: lease.jobRunId,
    queue: lease.queue,
    jobSet: lease.jobset,
    namespace: lease.job?.objectMeta?.namespace ?? '',
    node,
    atMostOnce: isAtMostOnce(lease),
    traceparent: lease.job?.objectMeta?.annotations.get(TRACEPARENT_ANNOTATION),
    acceptedAtMs,
    startedAtMs: undefined,
    state: { phase: 'pending' },
  };
}

/** Whether a lease's job asks never to run twice. */
export function isAtMostOnce(lease: JobRunLease): boolean {
  return lease.job?.objectMeta?.annotations.get(AT_MOST_ONCE) === 'true';
}

/**
 * The end that is told of a run which is offered although it ended here before.
 * Nobody was told of a run that was stopped; now somebody must be, for the
 * server has forgotten that it had it stopped, and would offer it for ever.
 */
export function endOfferedAgain(state: RunState, finishedAtMs: number): RunState {
  if (state.phase !== 'stopped') return state;
  const message = 'the run was stopped here before';
  return { phase: 'failed', finishedAtMs, failure: { kind: 'leaseReturned', message, runAttempted: true } };
}
