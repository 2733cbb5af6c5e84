import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { withQueueAdvice } from './names.ts';
import { addQueueFilter, isFiltered, type QueueFilter, selectQueues } from './queue-selection.ts';

export interface CordonChange {
  action: 'cordoned' | 'uncordoned';
  apply(connection: Connection, name: string): Promise<void>;
}

/** The two commands differ only in what they do to each queue. */
export function defineQueueCordon(command: Command, context: CommandContext, change: CordonChange): void {
  command.argument('[queues...]', 'names of queues');
  addQueueFilter(command)
    .option('--dry-run', 'only say which queues it would be')
    .action(async (names: string[], options: QueueFilter & { dryRun?: boolean }) => {
      const connection = await context.connection();
      const byFilter = isFiltered(options) || options.dryRun || names.length === 0;
      const chosen = byFilter
        ? (await selectQueues(connection, names, options)).map(({ name }) => name)
        : names;
      if (chosen.length === 0) context.output.notice('no queue matches');
      for (const name of chosen) {
        if (!options.dryRun) {
          await withQueueAdvice(connection, name, () => change.apply(connection, name));
        }
        const { action } = change;
        const verb = `${action.charAt(0).toUpperCase()}${action.slice(1)}`;
        const sentence = options.dryRun ? `Queue ${name} would be ${action}` : `${verb} queue ${name}`;
        const fields = options.dryRun ? { dryRun: true } : {};
        reportDeed(context, { action, kind: 'Queue', name, sentence, fields });
      }
    });
}
