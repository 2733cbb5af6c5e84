import type { Command } from 'commander';
import { cancelOnQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { usageFailure } from '../failure.ts';
import { addToList, parseLiveStates } from '../option-values.ts';
import { defineQueueOperation, type QueueOperationOptions } from '../queue-operation.ts';

type CancelQueueOptions = QueueOperationOptions & { jobStates?: string[] };

export function define(command: Command, context: CommandContext): void {
  command.option('-s, --job-states <states>', 'which jobs: queued, leased, pending, running', addToList);
  defineQueueOperation<CancelQueueOptions>(command, context, {
    verb: 'cancel',
    plan: ({ jobStates = [] }) => {
      if (jobStates.length === 0) {
        throw usageFailure('say which jobs: --job-states with queued, leased, pending or running');
      }
      const states = parseLiveStates(jobStates);
      return (connection, selection) => cancelOnQueue(connection, { ...selection, states });
    },
  });
}
