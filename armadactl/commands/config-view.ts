import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { JsonValue } from '@armada-ts/api/json';
import { readConfigFile } from '@armada-ts/client/config-file';
import type { CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** Keys whose values nobody should read over a shoulder, or find in a log. */
const SECRET = /password|secret|token|^env$|^args$/i;
/** Kinds of credentials, of which some keys are secret. */
const KIND = /auth$/i;

export function define(command: Command, context: CommandContext): void {
  command.action(async () => {
    const file = await readConfigFile(context.flags().config, context.homeDirectory);
    if (!file) {
      throw new Failure(ExitCode.notFound, 'there is no configuration file', {
        details: ['make one with `armadactl config set-context NAME --armadaUrl HOST:PORT`'],
      });
    }
    const shown = masked(file.document.toJS());
    context.output.fact({ name: file.path, line: () => stringify(shown).trimEnd(), json: () => shown });
  });
}

function masked(value: unknown, isSecret = false): JsonValue {
  if (Array.isArray(value)) return value.map((entry) => masked(entry, isSecret));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [
        key,
        masked(entry, isSecret || (SECRET.test(key) && !KIND.test(key))),
      ]),
    );
  }
  if (isSecret) return '***';
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
