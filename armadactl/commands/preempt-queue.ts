import type { Command } from 'commander';
import { preemptOnQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { defineQueueOperation } from '../queue-operation.ts';

export function define(command: Command, context: CommandContext): void {
  defineQueueOperation(command, context, { verb: 'preempt', plan: () => preemptOnQueue });
}
