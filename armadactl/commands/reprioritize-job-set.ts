import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { parsePriority } from '../option-values.ts';
import { requestJobSetReprioritization } from '../reprioritization.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<queue>')
    .argument('<job-set>')
    .argument('<priority>', 'lower runs first', parsePriority)
    .action((queue: string, jobSetId: string, priority: number) =>
      requestJobSetReprioritization(context, { queue, jobSetId }, priority),
    );
}
