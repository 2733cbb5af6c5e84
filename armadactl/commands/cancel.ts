import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { requestJobCancellation, requestJobSetCancellation } from '../cancellation.ts';
import { usageFailure } from '../failure.ts';
import { selectJobs } from '../job-arguments.ts';

/** The form of 2021, where `cancel` had no words after it. */
export function define(command: Command, context: CommandContext): void {
  command
    .option('--jobId <id>', 'the job to cancel (the form of 2021)')
    .option('--queue <queue>', 'with --jobSet: the queue of the job set to cancel (the form of 2021)')
    .option('--jobSet <name>', 'with --queue: the job set to cancel (the form of 2021)')
    .action(async (options: { jobId?: string; queue?: string; jobSet?: string }) => {
      const { jobId, queue, jobSet } = options;
      if (jobId !== undefined) return requestJobCancellation(context, selectJobs([jobId]));
      if (queue === undefined || jobSet === undefined) {
        throw usageFailure('say what to cancel: `cancel job ID` or `cancel job-set QUEUE JOBSET`');
      }
      return requestJobSetCancellation(context, { queue, jobSetId: jobSet });
    });
}
