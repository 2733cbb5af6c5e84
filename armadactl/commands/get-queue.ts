import type { Command } from 'commander';
import { getQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';
import { queueView } from '../output/queue-view.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<queue>').action(async (name: string) => {
    const connection = await context.connection();
    const queue = await withQueueAdvice(connection, name, () => getQueue(connection, name), 'create');
    await context.output.one(queueView, queue);
  });
}
