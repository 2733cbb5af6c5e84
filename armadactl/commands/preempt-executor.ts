import type { Command } from 'commander';
import { preemptOnExecutor } from '@armada-ts/client/executors';
import type { CommandContext } from '../command.ts';
import { defineExecutorOperation } from '../executor-operation.ts';

export function define(command: Command, context: CommandContext): void {
  defineExecutorOperation(command, context, { verb: 'preempt', request: preemptOnExecutor });
}
