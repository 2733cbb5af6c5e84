import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { waitForJobSet } from '../job-wait.ts';
import { withQueueAdvice } from '../names.ts';
import { addWaitOptions, type WaitOptions } from '../wait-options.ts';

export function define(command: Command, context: CommandContext): void {
  addWaitOptions(command.argument('<queue>').argument('<job-set>'))
    .option('--all', 'go on until all of its jobs are there (the default)')
    .action(async (queue: string, jobSetId: string, options: WaitOptions) => {
      const connection = await context.connection();
      context.exitCode = await withQueueAdvice(connection, queue, () =>
        waitForJobSet(connection, { queue, jobSetId }, options, context),
      );
    });
}
