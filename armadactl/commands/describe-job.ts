import type { Command } from 'commander';
import { describeJob } from '@armada-ts/client/job-list';
import type { CommandContext } from '../command.ts';
import { selectJob } from '../job-arguments.ts';
import { jobDescriptionView } from '../output/job-description-view.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<id>', 'job id').action(async (word: string) => {
    const jobId = selectJob(word);
    await context.output.one(jobDescriptionView, await describeJob(await context.connection(), jobId));
  });
}
