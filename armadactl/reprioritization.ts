import {
  reprioritizeJobs,
  reprioritizeJobSet,
  type JobSelection,
  type JobSetSelection,
} from '@armada-ts/client/jobs';
import type { CommandContext } from './command.ts';
import { type Deed, reportDeed } from './deed.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { withQueueAdvice } from './names.ts';

/** Moves jobs by id, whichever way they were named on the command line. */
export async function requestJobReprioritization(
  context: CommandContext,
  selection: JobSelection,
  priority: number,
): Promise<void> {
  const connection = await context.connection();
  const request = () => reprioritizeJobs(connection, { ...selection, priority });
  const { queue, jobIds } = selection;
  const failed = queue === undefined ? await request() : await withQueueAdvice(connection, queue, request);
  reportReprioritization(context, failed, {
    action: 'reprioritized',
    kind: 'Job',
    name: jobIds.join(' '),
    sentence: `Set priority ${priority} of ${jobIds.join(', ')}`,
    fields: { priority },
  });
}

/** Moves all jobs of a job set that have not ended. */
export async function requestJobSetReprioritization(
  context: CommandContext,
  { queue, jobSetId }: JobSetSelection,
  priority: number,
): Promise<void> {
  const connection = await context.connection();
  const failed = await withQueueAdvice(connection, queue, () =>
    reprioritizeJobSet(connection, { queue, jobSetId, priority }),
  );
  reportReprioritization(context, failed, {
    action: 'reprioritized',
    kind: 'JobSet',
    name: jobSetId,
    sentence: `Set priority ${priority} of the jobs of job set ${jobSetId}`,
    fields: { queue, priority },
  });
}

/** Says what came of a change of priority; fails when some job kept its own. */
function reportReprioritization(
  context: CommandContext,
  failed: ReadonlyMap<string, string>,
  deed: Deed,
): void {
  if (failed.size > 0) {
    const which = failed.size === 1 ? 'a job' : `${failed.size} jobs`;
    throw new Failure(ExitCode.failed, `the priority of ${which} was not set`, {
      details: [...failed].map(([jobId, reason]) => `${jobId}: ${reason}`),
    });
  }
  reportDeed(context, deed);
}
