import type { Command } from 'commander';
import { cordonExecutor } from '@armada-ts/client/executors';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { usageFailure } from '../failure.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<executor>', 'name of the executor')
    .argument('[reason]', 'why, for whoever looks at it later')
    .option('--reason <text>', 'the same')
    .action(async (name: string, word: string | undefined, options: { reason?: string }) => {
      const reason = options.reason ?? word ?? '';
      if (reason === '') throw usageFailure('say why: `cordon executor NAME REASON`');
      await cordonExecutor(await context.connection(), name, reason);
      const sentence = `Cordoned executor ${name}: ${reason}`;
      reportDeed(context, { action: 'cordoned', kind: 'Executor', name, sentence, fields: { reason } });
    });
}
