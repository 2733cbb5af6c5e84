import type { Command } from 'commander';
import { type ListedJob, listJobs } from '@armada-ts/client/job-list';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';
import { addToList, parseListedStates } from '../option-values.ts';

interface GetJobsOptions {
  queue?: string;
  jobSet?: string;
  state?: string[];
}

export function define(command: Command, context: CommandContext): void {
  command
    .option('-q, --queue <name>', 'only of this queue (default: all that you may watch)')
    .option('-j, --job-set <name>', 'only of this job set')
    .option('-s, --state <states>', 'only in these states, such as running,failed', addToList)
    .action(async (options: GetJobsOptions) => {
      await printJobs(options, context);
    });
}

async function printJobs({ queue, jobSet, state }: GetJobsOptions, context: CommandContext): Promise<void> {
  const filter = { queue, jobSetId: jobSet, states: parseListedStates(state ?? []) };
  const connection = await context.connection();
  const jobs: ListedJob[] = [];
  await withQueueAdvice(connection, queue ?? '', async () => {
    for await (const job of listJobs(connection, filter)) jobs.push(job);
  });
  if (jobs.length === 0) context.output.notice('there are no such jobs');
  else await context.output.jobs(jobs.sort(byAge));
}

/** The oldest first: ids begin with the time of submission. */
function byAge(one: ListedJob, other: ListedJob): number {
  return one.jobId < other.jobId ? -1 : 1;
}
