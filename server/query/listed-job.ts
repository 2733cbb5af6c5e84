import { JobState } from '@armada-ts/api/api/job';
import type { ListedJob } from '@armada-ts/api/armada/jobs/v1/jobs';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { timestampOf } from '../model/instant.ts';
import { isTerminal, lastRun } from '../model/job.ts';
import { exitCodeOf } from '../model/run-error.ts';
import { jobErrorText } from './status.ts';

/** The job in one line. */
export function listedJob(record: JobRecord): ListedJob {
  const { jobId, queue, jobSet, state, priority } = record;
  const run = lastRun(record);
  return {
    jobId,
    queue,
    jobSet,
    state,
    priority,
    submitted: timestampOf(record.submittedAtMs),
    lastChange: timestampOf(record.changedAtMs),
    cluster: run?.executorId ?? '',
    node: run?.node ?? '',
    exitCode: run && exitCodeOf(run),
    reason: reasonOf(record),
  };
}

/** Why the job is in its state, so far as anybody said. */
function reasonOf(record: JobRecord): string {
  if (record.state === JobState.SUCCEEDED) return '';
  if (record.state === JobState.CANCELLED) return requestText('cancelled', record.cancel);
  if (!isTerminal(record.state) && record.cancel) return requestText('to be cancelled', record.cancel);
  if (!isTerminal(record.state) && record.preempt) return requestText('to be preempted', record.preempt);
  return jobErrorText(record);
}

function requestText(what: string, request: JobRecord['cancel']): string {
  const by = request?.requestor ? ` by ${request.requestor}` : '';
  const why = request?.reason ? `: ${request.reason}` : '';
  return `${what}${by}${why}`;
}
