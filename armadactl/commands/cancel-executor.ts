import type { Command } from 'commander';
import { cancelOnExecutor } from '@armada-ts/client/executors';
import type { CommandContext } from '../command.ts';
import { defineExecutorOperation } from '../executor-operation.ts';

export function define(command: Command, context: CommandContext): void {
  defineExecutorOperation(command, context, { verb: 'cancel', request: cancelOnExecutor });
}
