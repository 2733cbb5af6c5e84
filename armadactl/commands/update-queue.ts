import type { Command } from 'commander';
import { getQueue, updateQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { withQueueAdvice } from '../names.ts';
import { queueDifference } from '../queue-difference.ts';
import { addQueueSettings, type QueueSettings, withSettings } from '../queue-settings.ts';
import { reportQueueChange } from '../queue-report.ts';

export function define(command: Command, context: CommandContext): void {
  addQueueSettings(command.argument('<queue>'))
    .option('--no-cordon', 'start jobs again')
    .option('--dry-run', 'only show what would change')
    .action(async (name: string, options: QueueSettings & { dryRun?: boolean }) => {
      const { dryRun = false, ...settings } = options;
      if (Object.keys(settings).length === 0) {
        throw usageFailure('say what to change, as in `update queue demo --priority-factor 2`');
      }
      const connection = await context.connection();
      const before = await withQueueAdvice(connection, name, () => getQueue(connection, name), 'create');
      const after = withSettings(before, settings);
      const changes = queueDifference(before, after);
      if (changes.length > 0 && !dryRun) await updateQueue(connection, name, after);
      reportQueueChange(context, { name, changes, dryRun });
    });
}
