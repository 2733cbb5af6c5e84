import type { Command } from 'commander';
import { uncordonExecutor } from '@armada-ts/client/executors';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<executor>', 'name of the executor').action(async (name: string) => {
    await uncordonExecutor(await context.connection(), name);
    reportDeed(context, {
      action: 'uncordoned',
      kind: 'Executor',
      name,
      sentence: `Uncordoned executor ${name}`,
    });
  });
}
