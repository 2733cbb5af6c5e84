import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import { commandJob } from '@armada-ts/client/job-spec';
import { submitJobs } from '@armada-ts/client/submit';
import type { CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { followJob } from '../job-follower.ts';
import { withQueueAdvice } from '../names.ts';
import { addPair, parsePriority } from '../option-values.ts';

interface RunOptions {
  queue: string;
  jobSet?: string;
  name: string;
  cpu: string;
  memory: string;
  env?: Map<string, string>;
  priority: number;
}

export function define(command: Command, context: CommandContext): void {
  command
    .usage('[options] -- <command> [arguments...]')
    .argument('<command...>', 'what to run, after --')
    .option('-q, --queue <queue>', 'queue to submit to', 'default')
    .option('-j, --job-set <job-set>', 'job set of the job (default: one of its own)')
    .option('--name <name>', 'name of the container', 'main')
    .option('--cpu <quantity>', 'processors, such as 2 or 500m', '1')
    .option('--memory <quantity>', 'memory, such as 512Mi', '1Gi')
    .option('--env <key=value>', 'environment variable; may be repeated', addPair)
    .option('--priority <number>', 'place in the queue, lower runs first', parsePriority, 0)
    .action(async (words: string[], options: RunOptions) => {
      if (words[0] === '') throw usageFailure('the command to run is empty');
      context.exitCode = await run(await context.connection(), words, options, context);
    });
}

async function run(
  connection: Connection,
  words: readonly string[],
  options: RunOptions,
  context: CommandContext,
): Promise<number> {
  const { queue } = options;
  const jobSetId = options.jobSet ?? `run-${randomUUID().slice(0, 8)}`;
  const { cpu, memory, priority } = options;
  const env = Object.fromEntries(options.env ?? []);
  const item = commandJob({ command: words, cpu, memory, env, priority });
  for (const container of item.podSpecs.flatMap(({ containers }) => containers))
    container.name = options.name;
  const jobId = await withQueueAdvice(
    connection,
    queue,
    async () => {
      const submission = { queue, jobSetId, items: [item] };
      // Whoever runs a command twice wants it run twice.
      for await (const submitted of submitJobs(connection, submission, { clientIds: 'random' })) {
        if (submitted.error !== '')
          throw new Failure(ExitCode.failed, `the job was refused: ${submitted.error}`);
        return submitted.jobId;
      }
      throw new Failure(ExitCode.failed, 'the server did not say which job it made');
    },
    'create',
  );
  context.output.notice(`job ${jobId} submitted to queue ${queue}, job set ${jobSetId}`);
  return followJob(connection, { queue, jobSetId, jobId }, context);
}
