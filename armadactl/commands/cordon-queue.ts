import type { Command } from 'commander';
import { cordonQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { withQueueAdvice } from '../names.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<names...>').action(async (names: string[]) => {
    const connection = await context.connection();
    for (const name of names) {
      await withQueueAdvice(connection, name, () => cordonQueue(connection, name));
      context.output.done(`Cordoned queue ${name}`);
    }
  });
}
