import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { selectJobs } from '../job-arguments.ts';
import { retryJobs } from '../retry.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<id...>', 'ids of jobs that ended without success').action(async (words: string[]) => {
    const ids = [...new Set(selectJobs(words).jobIds)];
    await retryJobs(await context.connection(), ids, context);
  });
}
