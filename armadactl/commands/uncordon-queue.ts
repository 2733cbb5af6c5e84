import type { Command } from 'commander';
import { uncordonQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { defineQueueCordon } from '../queue-cordon.ts';

export function define(command: Command, context: CommandContext): void {
  defineQueueCordon(command, context, { action: 'uncordoned', apply: uncordonQueue });
}
