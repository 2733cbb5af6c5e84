import type { Command } from 'commander';
import { describeJob } from '@armada-ts/client/job-list';
import type { CommandContext } from '../command.ts';
import { selectJobs } from '../job-arguments.ts';
import { jobDescriptionView } from '../output/job-description-view.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<id>', 'job id').action(async (word: string) => {
    const { jobIds } = selectJobs([word]);
    const connection = await context.connection();
    for (const jobId of jobIds) {
      await context.output.one(jobDescriptionView, await describeJob(connection, jobId.toLowerCase()));
    }
  });
}
