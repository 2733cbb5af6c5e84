import type { Command } from 'commander';
import { reprioritizeJobSet } from '@armada-ts/client/jobs';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';
import { parsePriority } from '../option-values.ts';
import { reportReprioritization } from '../reprioritization.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<queue>')
    .argument('<job-set>')
    .argument('<priority>', 'lower runs first', parsePriority)
    .action(async (queue: string, jobSetId: string, priority: number) => {
      const connection = await context.connection();
      const failed = await withQueueAdvice(connection, queue, () =>
        reprioritizeJobSet(connection, { queue, jobSetId, priority }),
      );
      reportReprioritization(context, failed, `Set priority ${priority} of the jobs of job set ${jobSetId}`);
    });
}
