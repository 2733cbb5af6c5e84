import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { requestJobSetCancellation } from '../cancellation.ts';
import { addToList, parseJobStates } from '../option-values.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<queue>')
    .argument('<job-set>')
    .option(
      '--state <states>',
      'only jobs that are queued, or only those that have left the queue: queued, running',
      addToList,
    )
    .option('--reason <text>', 'why, for the events of the jobs')
    .action(async (queue: string, jobSetId: string, options: { state?: string[]; reason?: string }) => {
      const states = parseJobStates(options.state ?? []);
      const { reason = '' } = options;
      await requestJobSetCancellation(context, { queue, jobSetId, states, reason });
    });
}
