import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { contextView } from '../output/context-view.ts';
import { currentContext, requireContexts } from '../contexts.ts';

export function define(command: Command, context: CommandContext): void {
  command.action(async () => {
    const file = await requireContexts(context);
    const current = currentContext(file, context);
    await context.output.list(
      contextView,
      [...file.contexts].map(([name, { address }]) => ({ name, address, isCurrent: name === current })),
    );
  });
}
