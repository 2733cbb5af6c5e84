import type { Command } from 'commander';
import { deleteExecutor } from '@armada-ts/client/executors';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<executor>', 'name of the executor').action(async (name: string) => {
    await deleteExecutor(await context.connection(), name);
    reportDeed(context, { action: 'deleted', kind: 'Executor', name, sentence: `Deleted executor ${name}` });
  });
}
