import { JobState } from '@armada-ts/api/api/job';
import type { JobDetails } from '@armada-ts/api/api/jobs';
import type { Connection } from '@armada-ts/client/connect';
import { submitJobs } from '@armada-ts/client/submit';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure, joinedFailure } from './failure.ts';
import { byJobSet, jobDetails, type JobsOfSet } from './job-details.ts';
import { knownJobs } from './known-jobs.ts';
import { withQueueAdvice } from './names.ts';
import { jobStateText } from './output/job-view.ts';
import { toFailure } from './report.ts';
import { retriedItem } from './retried-job.ts';

/** Ends that are worth another try. */
export const RETRIABLE: readonly JobState[] = [
  JobState.FAILED,
  JobState.CANCELLED,
  JobState.PREEMPTED,
  JobState.REJECTED,
];

/**
 * Submits jobs again as new ones into their own job sets, and tells the new id
 * of each. Jobs that have not ended, or have succeeded, are refused before
 * anything is sent. Gives the new ids.
 */
export async function retryJobs(
  connection: Connection,
  jobIds: readonly string[],
  context: CommandContext,
): Promise<string[]> {
  const jobs = await jobDetails(connection, jobIds, { withSpecs: true });
  const wrong = jobs.filter(({ state, jobSpec }) => !RETRIABLE.includes(state) || !jobSpec);
  if (wrong.length > 0) {
    throw new Failure(ExitCode.failed, 'only jobs that have ended without success can be retried', {
      details: wrong.map(({ jobId, state }) => `${jobId} is ${jobStateText(state)}`),
    });
  }
  const progress = context.output.progress(jobs.length);
  const failures: Failure[] = [];
  const newIds: string[] = [];
  try {
    for (const set of byJobSet(jobs)) {
      try {
        await withQueueAdvice(connection, set.queue, async () => {
          for await (const newId of retrySet(connection, set, context)) {
            newIds.push(newId);
            progress.update(newIds.length, 'retried');
          }
        });
      } catch (error) {
        failures.push(toFailure(error));
      }
    }
  } finally {
    progress.end();
  }
  if (failures.length > 0)
    throw joinedFailure(failures, `${jobs.length - newIds.length} jobs were not retried`);
  return newIds;
}

async function* retrySet(
  connection: Connection,
  { queue, jobSetId, jobs }: JobsOfSet,
  context: CommandContext,
): AsyncGenerator<string> {
  const known = await knownJobs(connection, queue, jobSetId);
  const items = jobs.flatMap(({ jobSpec }) => (jobSpec ? [retriedItem(jobSpec)] : []));
  for await (const { index, jobId, error } of submitJobs(connection, { queue, jobSetId, items })) {
    const old = jobs[index];
    if (!old) continue;
    if (error !== '') throw new Failure(ExitCode.failed, `${old.jobId} was refused: ${error}`);
    reportRetried(context, old, { jobId, isKnown: known?.has(jobId) ?? false });
    yield jobId;
  }
}

function reportRetried(
  context: CommandContext,
  { jobId: old, queue, jobset }: JobDetails,
  { jobId, isKnown }: { jobId: string; isKnown: boolean },
): void {
  reportDeed(context, {
    action: isKnown ? 'unchanged' : 'retried',
    kind: 'Job',
    name: jobId,
    sentence: isKnown ? `${old} was retried already, as ${jobId}` : `Retried ${old} as ${jobId}`,
    fields: { retryOf: old, queue, jobSet: jobset },
  });
}
