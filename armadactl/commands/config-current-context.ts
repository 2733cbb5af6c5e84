import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { currentContext, requireContexts } from '../contexts.ts';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

export function define(command: Command, context: CommandContext): void {
  command.action(async () => {
    const file = await requireContexts(context);
    const current = currentContext(file, context);
    if (current === undefined) {
      throw new Failure(ExitCode.notFound, `${file.path} names no current context`, {
        details: ['choose one with `armadactl config use-context NAME`'],
      });
    }
    context.output.fact({ name: current, line: () => current, json: () => ({ name: current }) });
  });
}
