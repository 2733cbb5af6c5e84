import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { requireContexts, writeCurrentContext } from '../contexts.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<context>').action(async (name: string) => {
    const chosen = writeCurrentContext(await requireContexts(context), name);
    reportDeed(context, {
      action: 'chosen',
      kind: 'Context',
      name: chosen,
      sentence: `Current context is now ${chosen}`,
    });
  });
}
