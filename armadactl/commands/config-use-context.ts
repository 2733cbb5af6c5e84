import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { requireContexts, writeCurrentContext } from '../contexts.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<name>').action(async (name: string) => {
    const chosen = writeCurrentContext(await requireContexts(context), name);
    context.output.done(`Current context is now ${chosen}`);
  });
}
