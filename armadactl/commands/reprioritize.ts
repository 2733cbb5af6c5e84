import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { parsePriority } from '../option-values.ts';
import { requestJobReprioritization, requestJobSetReprioritization } from '../reprioritization.ts';

/** The form of 2021, where `reprioritize` had the priority after it. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument('[priority]', 'with one of the options: the new priority (the form of 2021)', parsePriority)
    .option('--jobId <id>', 'the job to move (the form of 2021)')
    .option('--queue <queue>', 'with --jobSet: the queue of the job set to move (the form of 2021)')
    .option('--jobSet <job-set>', 'with --queue: the job set to move (the form of 2021)')
    .action(
      async (priority: number | undefined, options: { jobId?: string; queue?: string; jobSet?: string }) => {
        const { jobId, queue, jobSet } = options;
        if (priority !== undefined && jobId !== undefined) {
          return requestJobReprioritization(context, { jobIds: [jobId] }, priority);
        }
        if (priority === undefined || queue === undefined || jobSet === undefined) {
          throw usageFailure(
            'say what to move: `reprioritize job ID PRIORITY` or `reprioritize job-set QUEUE JOBSET PRIORITY`',
          );
        }
        return requestJobSetReprioritization(context, { queue, jobSetId: jobSet }, priority);
      },
    );
}
