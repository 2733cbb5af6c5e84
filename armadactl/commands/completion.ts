import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { CommandContext } from '../command.ts';
import { COMPLETION_SCRIPTS } from '../completion-scripts.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<shell>', [...COMPLETION_SCRIPTS.keys()].join(', ')).action((shell: string) => {
    const script = COMPLETION_SCRIPTS.get(shell);
    if (script === undefined) {
      throw new InvalidArgumentError(
        `there is completion for ${[...COMPLETION_SCRIPTS.keys()].join(', ')}, not for "${shell}"`,
      );
    }
    context.output.value(script.trimEnd());
  });
}
