import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { reportRunRequest, type RunVerb } from './executor-operation.ts';
import { addQueueFilter, type QueueFilter, selectQueues } from './queue-selection.ts';
import { addPools, addPriorityClasses, chosenPriorityClasses, type RunOptions } from './run-selection.ts';

export type QueueOperationOptions = QueueFilter & RunOptions & { dryRun?: boolean };

export interface QueueOperation<Options> {
  verb: RunVerb;
  /** Judges the options before anything is sent, and gives what asks for the jobs of one queue. */
  plan: (
    options: Options,
  ) => (
    connection: Connection,
    selection: { name: string; priorityClasses: string[]; pools: string[] },
  ) => Promise<void>;
}

/** Cancelling and preempting the jobs of queues differ in the request, and in what may narrow it. */
export function defineQueueOperation<Options extends QueueOperationOptions>(
  command: Command,
  context: CommandContext,
  { verb, plan }: QueueOperation<Options>,
): void {
  command.argument('[queues...]', 'names of queues');
  addPools(addPriorityClasses(addQueueFilter(command)))
    .option('--dry-run', 'only say which queues it would be')
    .action(async (names: string[], options: Options) => {
      const request = plan(options);
      const priorityClasses = chosenPriorityClasses(options);
      const connection = await context.connection();
      const queues = await selectQueues(connection, names, options);
      if (queues.length === 0) context.output.notice('no queue matches');
      for (const { name } of queues) {
        if (options.dryRun) {
          const sentence = `Jobs of queue ${name} would be ${verb === 'cancel' ? 'cancelled' : 'preempted'}`;
          reportDeed(context, { action: verb, kind: 'Queue', name, sentence, fields: { dryRun: true } });
          continue;
        }
        await request(connection, { name, priorityClasses, pools: options.pools ?? [] });
        reportRunRequest(context, verb, { kind: 'Queue', name });
      }
    });
}
