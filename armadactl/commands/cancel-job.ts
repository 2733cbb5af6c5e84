import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { requestJobCancellation } from '../cancellation.ts';
import { selectJobs } from '../job-arguments.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .usage('[options] <id...>')
    .argument('<id...>', "job ids; or queue, job set and job id, as Armada's armadactl wants them")
    .option('--reason <text>', 'why, for the events of the job')
    .action(async (words: string[], options: { reason?: string }) => {
      await requestJobCancellation(context, { ...selectJobs(words), ...options });
    });
}
