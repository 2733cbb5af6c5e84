import type { Command } from 'commander';
import { createQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { usageFailure } from '../failure.ts';
import { parseQueueFile } from '../queue-file.ts';
import { readTextFile } from '../text-file.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .option('-f, --file <file>', 'file with one or more queues (kind: Queue), or - for standard input')
    .option('--dry-run', 'only check the file')
    .action(async (options: { file?: string; dryRun?: boolean }) => {
      const { file } = options;
      if (file === undefined)
        throw usageFailure('say what to create: `create queue NAME` or `create -f FILE`');
      const queues = parseQueueFile(await readTextFile(file, context.stdin));
      const report = (action: string, name: string, sentence: string) =>
        reportDeed(context, { action, kind: 'Queue', name, sentence });
      for (const queue of queues) {
        if (options.dryRun) {
          report('valid', queue.name, `Queue ${queue.name} is valid`);
          continue;
        }
        await createQueue(await context.connection(), queue);
        report('created', queue.name, `Created queue ${queue.name}`);
      }
    });
}
