import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { defineKeySwitch } from '../key-switch.ts';

export function define(command: Command, context: CommandContext): void {
  defineKeySwitch(command, context, false);
}
