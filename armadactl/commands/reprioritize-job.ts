import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { selectJobs } from '../job-arguments.ts';
import { parsePriority } from '../option-values.ts';
import { requestJobReprioritization } from '../reprioritization.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .usage('[options] <id...> <priority>')
    .argument('<id...>', 'job ids, or queue, job set and job id; then the new priority, lower runs first')
    .action(async (words: string[]) => {
      const [last = '', ...rest] = words.toReversed();
      if (rest.length === 0)
        throw usageFailure('say which job and its new priority: `reprioritize job ID PRIORITY`');
      const priority = parsePriority(last);
      await requestJobReprioritization(context, selectJobs(rest.toReversed()), priority);
    });
}
