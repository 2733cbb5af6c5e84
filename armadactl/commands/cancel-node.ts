import type { Command } from 'commander';
import { cancelOnNode } from '@armada-ts/client/nodes';
import type { CommandContext } from '../command.ts';
import { defineNodeOperation } from '../executor-operation.ts';

export function define(command: Command, context: CommandContext): void {
  defineNodeOperation(command, context, { verb: 'cancel', request: cancelOnNode });
}
