import { contentClientIds } from '@armada-ts/client/client-ids';
import type { Connection } from '@armada-ts/client/connect';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { jobDetails } from './job-details.ts';
import type { JobSetFile } from './job-set-file.ts';
import { knownJobs } from './known-jobs.ts';
import { jobsText } from './submission.ts';

/** Says which jobs of a file are new to their job set, without submitting any. */
export async function reportPlannedJobs(
  connection: Connection,
  file: JobSetFile,
  context: CommandContext,
): Promise<void> {
  const { name, queue, jobSetId, items } = file;
  const present = await presentClientIds(connection, queue, jobSetId);
  const wanted = contentClientIds(jobSetId, items);
  const fresh = present && wanted.filter((clientId) => !present.has(clientId)).length;
  const there = fresh === undefined ? undefined : items.length - fresh;
  reportDeed(context, {
    action: fresh === 0 ? 'unchanged' : 'submitted',
    kind: 'JobSet',
    name: jobSetId,
    sentence:
      fresh === undefined
        ? `Job set ${jobSetId} of queue ${queue}: ${jobsText(items.length)} would be submitted unless they are there`
        : `Job set ${jobSetId} of queue ${queue}: ${jobsText(fresh)} would be submitted, ${there} are there already`,
    fields: { queue, file: name, dryRun: true, submitted: fresh ?? null, unchanged: there ?? null },
  });
}

/** Of the jobs that the set has; undefined when that cannot be known. */
async function presentClientIds(
  connection: Connection,
  queue: string,
  jobSetId: string,
): Promise<ReadonlySet<string> | undefined> {
  const known = await knownJobs(connection, queue, jobSetId);
  if (!known) return undefined;
  const records = await jobDetails(connection, [...known], { withSpecs: true });
  return new Set(records.flatMap(({ jobSpec }) => jobSpec?.clientId || []));
}
