import type { Command } from 'commander';
import { SubmitService } from '@armada-ts/api/api/submit';
import { getQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';
import { queueDescriptionView } from '../output/queue-description-view.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<queue>').action(async (name: string) => {
    const connection = await context.connection();
    const queue = await withQueueAdvice(connection, name, () => getQueue(connection, name));
    const { activeJobSets: jobSets } = await connection.call(SubmitService.getQueueInfo, { name });
    await context.output.one(queueDescriptionView, { queue, jobSets });
  });
}
