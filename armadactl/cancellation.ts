import { cancelJobs, cancelJobSet, type JobSelection, type JobSetSelection } from '@armada-ts/client/jobs';
import type { JobState } from '@armada-ts/api/api/job';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { withQueueAdvice } from './names.ts';

/** Cancels jobs by id, whichever way they were named on the command line. */
export async function requestJobCancellation(
  context: CommandContext,
  selection: JobSelection & { reason?: string },
): Promise<void> {
  const connection = await context.connection();
  const request = () => cancelJobs(connection, selection);
  const { queue } = selection;
  const taken = new Set(
    queue === undefined ? await request() : await withQueueAdvice(connection, queue, request),
  );
  const left: string[] = [];
  for (const jobId of selection.jobIds) {
    if (taken.has(jobId)) {
      reportDeed(context, {
        action: 'cancelling',
        kind: 'Job',
        name: jobId,
        sentence: `Requested cancellation of job ${jobId}`,
      });
    } else left.push(jobId);
  }
  if (left.length > 0) {
    throw new Failure(ExitCode.failed, `not cancelled: ${left.join(', ')}`, {
      details: ['there is no such job, or it has ended already'],
    });
  }
}

/** Cancels the jobs of a job set, or those in the given states. */
export async function requestJobSetCancellation(
  context: CommandContext,
  selection: JobSetSelection & { states?: readonly JobState[]; reason?: string },
): Promise<void> {
  const connection = await context.connection();
  const { queue, jobSetId } = selection;
  await withQueueAdvice(connection, queue, () => cancelJobSet(connection, selection));
  reportDeed(context, {
    action: 'cancelling',
    kind: 'JobSet',
    name: jobSetId,
    sentence: `Requested cancellation of job set ${jobSetId} of queue ${queue}`,
    fields: { queue },
  });
}
