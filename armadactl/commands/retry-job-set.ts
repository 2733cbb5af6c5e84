import type { Command } from 'commander';
import { listJobs } from '@armada-ts/client/job-list';
import type { CommandContext } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { withQueueAdvice } from '../names.ts';
import { addToList, parseListedStates } from '../option-values.ts';
import { jobStateText } from '../output/job-view.ts';
import { RETRIABLE, retryJobs } from '../retry.ts';

const STATE_NAMES = RETRIABLE.map(jobStateText);

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<queue>')
    .argument('<job-set>')
    .option('-s, --state <states>', `which jobs (default: ${STATE_NAMES.join(',')})`, addToList)
    .action(async (queue: string, jobSetId: string, options: { state?: string[] }) => {
      const states = options.state ? parseListedStates(options.state) : RETRIABLE;
      if (states.some((state) => !RETRIABLE.includes(state))) {
        throw usageFailure(`--state must be among ${STATE_NAMES.join(', ')}: only such jobs can be retried`);
      }
      const connection = await context.connection();
      const ids: string[] = [];
      await withQueueAdvice(connection, queue, async () => {
        for await (const { jobId } of listJobs(connection, { queue, jobSetId, states })) ids.push(jobId);
      });
      if (ids.length === 0) context.output.notice('there are no such jobs');
      else await retryJobs(connection, ids, context);
    });
}
