import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import { submitJob } from '@armada-ts/client/job';
import { commandJob } from '@armada-ts/client/job-spec';
import type { CommandContext } from '../command.ts';
import { usageFailure } from '../failure.ts';
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
  const submit = () => submitJob(connection, { item, queue, jobSetId });
  const { id: jobId } = await withQueueAdvice(connection, queue, submit, 'create');
  context.output.notice(`job ${jobId} submitted to queue ${queue}, job set ${jobSetId}`);
  return followJob(connection, { queue, jobSetId, jobId }, context);
}
