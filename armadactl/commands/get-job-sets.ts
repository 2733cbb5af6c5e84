import type { Command } from 'commander';
import { SubmitService } from '@armada-ts/api/api/submit';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';
import { jobSetView } from '../output/job-set-view.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<queue>', 'queue of the job sets').action(async (queue: string) => {
    const connection = await context.connection();
    const { activeJobSets } = await withQueueAdvice(connection, queue, () =>
      connection.call(SubmitService.getQueueInfo, { name: queue }),
    );
    if (activeJobSets.length === 0) context.output.notice(`queue ${queue} has no job sets with jobs to do`);
    if (activeJobSets.length > 0 || !context.output.isForPeople) {
      await context.output.list(jobSetView, activeJobSets);
    }
  });
}
