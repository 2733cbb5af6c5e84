import type { Command } from 'commander';
import { getQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<name>').action(async (name: string) => {
    const connection = await context.connection();
    const queue = await withQueueAdvice(connection, name, () => getQueue(connection, name));
    await context.output.queues([queue]);
  });
}
