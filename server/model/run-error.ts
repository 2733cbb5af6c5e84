/** What the error of a run or a job tells. */
import { JobRunState } from '@armada-ts/api/api/job';
import type { RunRecord } from '@armada-ts/api/armada/store/v1/store';
import type { Error as RunError } from '@armada-ts/api/armadaevents/armadaevents';

/**
 * The category of a run that was taken from its executor because that is being
 * emptied: unlike one that the executor itself gave back, it has to be stopped.
 */
export const DRAINED = 'drained';

/** What went wrong, for people; empty where nobody said. */
export function errorText(error: RunError | undefined): string {
  const reason = error?.reason;
  switch (reason?.$case) {
    case 'podError':
    case 'podLeaseReturned':
    case 'jobRejected':
    case 'maxRunsExceeded':
    case 'gangJobUnschedulable':
    case 'reconciliationError':
    case 'containerError':
      return reason.value.message;
    case 'jobRunPreemptedError':
      return reason.value.reason;
    case 'leaseExpired':
      return 'Lease expired';
    case 'kubernetesError':
    case 'executorError':
    case undefined:
      return '';
  }
}

/**
 * The exit code that tells how the run went: 0 where it succeeded, else that of
 * the first container that failed. Undefined while it goes on, and where its
 * end was not its own.
 */
export function exitCodeOf(run: RunRecord): number | undefined {
  if (run.state === JobRunState.RUN_STATE_SUCCEEDED) return 0;
  const reason = run.error?.reason;
  if (run.state !== JobRunState.RUN_STATE_FAILED || reason?.$case !== 'podError') return undefined;
  return reason.value.containerErrors.find(({ exitCode }) => exitCode !== 0)?.exitCode;
}
