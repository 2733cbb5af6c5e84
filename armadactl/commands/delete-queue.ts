import type { Command } from 'commander';
import { deleteQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { withQueueAdvice } from '../names.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<queue>').action(async (name: string) => {
    const connection = await context.connection();
    await withQueueAdvice(connection, name, () => deleteQueue(connection, name));
    reportDeed(context, { action: 'deleted', kind: 'Queue', name, sentence: `Deleted queue ${name}` });
  });
}
