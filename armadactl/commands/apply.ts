import type { Command } from 'commander';
import { Queue } from '@armada-ts/api/api/queue';
import type { Connection } from '@armada-ts/client/connect';
import { createQueue, updateQueue } from '@armada-ts/client/queues';
import { parseAppliedFile, type WantedQueue } from '../apply-file.ts';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { Failure, joinedFailure, usageFailure } from '../failure.ts';
import { addToList } from '../option-values.ts';
import { changeText, queueDifference } from '../queue-difference.ts';
import { reportQueueChange } from '../queue-report.ts';
import { allQueues } from '../queue-selection.ts';
import { reportPlannedJobs } from '../submission-plan.ts';
import { submitFiles } from '../submission.ts';
import { parseFiles } from '../parsed-files.ts';
import { readTextFiles } from '../text-file.ts';
import { toFailure } from '../report.ts';

interface ApplyOptions {
  file?: string[];
  dryRun?: boolean;
}

export function define(command: Command, context: CommandContext): void {
  command
    .option(
      '-f, --file <files>',
      'files or folders with queues and job sets, or - for standard input',
      addToList,
    )
    .option('--dry-run', 'only show what would change')
    .action((options: ApplyOptions) => apply(options, context));
}

async function apply(
  { file: paths = [], dryRun = false }: ApplyOptions,
  context: CommandContext,
): Promise<void> {
  if (paths.length === 0) throw usageFailure('say what to apply: `apply -f FILE`');
  const files = parseFiles(await readTextFiles(paths, context.stdin), parseAppliedFile);
  const connection = await context.connection();
  const failures = await applyQueues(
    connection,
    files.flatMap(({ queues }) => queues),
    dryRun,
    context,
  );
  const jobSets = files.flatMap(({ jobSets: each }) => each);
  if (dryRun) {
    for (const jobSet of jobSets) await reportPlannedJobs(connection, jobSet, context);
  } else if (jobSets.length > 0) {
    const submitted = await submitFiles(connection, jobSets, { again: false }, context);
    failures.push(...submitted.failures);
  }
  if (failures.length > 0) throw joinedFailure(failures, `${failures.length} objects were not applied`);
}

/** Queues come before jobs, which may be for them. */
async function applyQueues(
  connection: Connection,
  wanted: readonly WantedQueue[],
  dryRun: boolean,
  context: CommandContext,
): Promise<Failure[]> {
  if (wanted.length === 0) return [];
  const failures: Failure[] = [];
  const present = new Map((await allQueues(connection)).map((queue) => [queue.name, queue]));
  for (const each of wanted) {
    try {
      const before = present.get(each.name);
      if (before) await changeQueue(connection, { before, wanted: each, dryRun }, context);
      else await makeQueue(connection, each, dryRun, context);
    } catch (error) {
      const { exitCode, message, details } = toFailure(error);
      failures.push(new Failure(exitCode, `queue ${each.name}: ${message}`, { details, cause: error }));
    }
  }
  return failures;
}

async function changeQueue(
  connection: Connection,
  { before, wanted, dryRun }: { before: Queue; wanted: WantedQueue; dryRun: boolean },
  context: CommandContext,
): Promise<void> {
  const after = wanted.applyTo(before);
  const changes = queueDifference(before, after);
  if (changes.length > 0 && !dryRun) await updateQueue(connection, wanted.name, after);
  reportQueueChange(context, { name: wanted.name, changes, dryRun });
}

async function makeQueue(
  connection: Connection,
  { name, applyTo }: WantedQueue,
  dryRun: boolean,
  context: CommandContext,
): Promise<void> {
  const blank = { ...Queue.create(), name, priorityFactor: 1 };
  const queue = applyTo(blank);
  if (!dryRun) await createQueue(connection, queue);
  reportDeed(context, {
    action: 'created',
    kind: 'Queue',
    name,
    sentence: dryRun ? `Queue ${name} would be created` : `Created queue ${name}`,
    details: dryRun ? queueDifference(blank, queue).map(changeText) : [],
    fields: dryRun ? { dryRun } : {},
  });
}
