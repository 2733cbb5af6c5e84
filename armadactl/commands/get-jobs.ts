import type { Command } from 'commander';
import { type ListedJob, listJobs } from '@armada-ts/client/job-list';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';
import { addToList, parseCount, parseListedStates } from '../option-values.ts';
import { jobView } from '../output/job-view.ts';

interface GetJobsOptions {
  queue?: string;
  jobSet?: string;
  state?: string[];
  limit?: number;
}

/** Nobody reads a longer table; programs get everything unless they say otherwise. */
const TABLE_LIMIT = 1_000;

export function define(command: Command, context: CommandContext): void {
  command
    .option('-q, --queue <queue>', 'only of this queue (default: all that you may watch)')
    .option('-j, --job-set <job-set>', 'only of this job set')
    .option('-s, --state <states>', 'only in these states, such as running,failed', addToList)
    .option('--limit <number>', `at most so many, 0 for all (default: ${TABLE_LIMIT} in a table)`, parseCount)
    .action(async (options: GetJobsOptions) => {
      await printJobs(options, context);
    });
}

async function printJobs(options: GetJobsOptions, context: CommandContext): Promise<void> {
  const { queue, jobSet, state } = options;
  const limit = (options.limit ?? (context.output.isForPeople ? TABLE_LIMIT : 0)) || Number.POSITIVE_INFINITY;
  const filter = { queue, jobSetId: jobSet, states: parseListedStates(state ?? []) };
  const connection = await context.connection();
  const jobs: ListedJob[] = [];
  let isCut = false;
  await withQueueAdvice(connection, queue ?? '', async () => {
    for await (const job of listJobs(connection, filter)) {
      isCut = jobs.length >= limit;
      if (isCut) break;
      jobs.push(job);
    }
  });
  if (jobs.length === 0) context.output.notice('there are no such jobs');
  if (jobs.length > 0 || !context.output.isForPeople) await context.output.list(jobView, jobs.sort(byAge));
  if (isCut) {
    context.output.notice(
      `there are more than these ${jobs.length}, in queues and job sets further down the alphabet; --limit 0 shows all, and --queue, --job-set and --state narrow the choice`,
    );
  }
}

/** The oldest first: ids begin with the time of submission. */
function byAge(one: ListedJob, other: ListedJob): number {
  return one.jobId < other.jobId ? -1 : 1;
}
