import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { selectJobs } from '../job-arguments.ts';
import { waitForJobs } from '../job-wait.ts';
import { addWaitOptions, type WaitOptions } from '../wait-options.ts';

export function define(command: Command, context: CommandContext): void {
  addWaitOptions(command.argument('<id...>', 'job ids'))
    .option('--all', 'go on until all of them are there (the default)')
    .action(async (words: string[], options: WaitOptions) => {
      const { jobIds } = selectJobs(words);
      context.exitCode = await waitForJobs(await context.connection(), jobIds, options, context);
    });
}
