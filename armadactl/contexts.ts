import { isMap, isScalar, stringify } from 'yaml';
import { contextAddress, findContext, readConfigFile, type ConfigFile } from '@armada-ts/client/config-file';
import type { CommandContext } from './command.ts';
import { writeConfigText } from './config-edit.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** A configuration file that has contexts. */
export interface ContextFile {
  path: string;
  file: ConfigFile;
  contexts: ReadonlyMap<string, { address: string }>;
}

/** Throws ProfileError or a failure when there is no such file. */
export async function requireContexts(context: CommandContext): Promise<ContextFile> {
  const file = await readConfigFile(context.flags().config, context.homeDirectory);
  if (!file?.contexts) {
    const what = file ? `${file.path} has no contexts` : 'there is no configuration file';
    throw new Failure(ExitCode.usage, what, {
      details: ['make one with `armadactl config set-context NAME --armadaUrl HOST:PORT`'],
    });
  }
  const contexts = [...file.contexts].map(
    ([name, settings]) => [name, { address: contextAddress(settings) }] as const,
  );
  return { path: file.path, file, contexts: new Map(contexts) };
}

/** As the file spells it, after `--context` and CURRENTCONTEXT. Throws ProfileError when there is none of that name. */
export function currentContext({ file }: ContextFile, context: CommandContext): string | undefined {
  const wanted =
    context.flags().context ?? (context.environment.CURRENTCONTEXT || undefined) ?? file.currentContext;
  return wanted === undefined ? undefined : findContext(file, wanted)[0];
}

/**
 * Changes that one entry and leaves every other byte of the file alone. Gives
 * the context's name as the file spells it.
 */
export function writeCurrentContext({ file }: ContextFile, name: string): string {
  const [exact] = findContext(file, name);
  writeConfigText(file, withCurrentContext(file, exact));
  return exact;
}

function withCurrentContext({ document, text }: ConfigFile, name: string): string {
  const key = 'currentContext';
  const pairs = isMap(document.contents) ? document.contents.items : [];
  const entry = pairs.find(
    (pair) => isScalar(pair.key) && String(pair.key.value).toLowerCase() === key.toLowerCase(),
  );
  const range = isScalar(entry?.value) ? entry.value.range : undefined;
  if (range && range[1] > range[0]) {
    return `${text.slice(0, range[0])}${stringify(name).trim()}${text.slice(range[1])}`;
  }
  document.set(key, name);
  return document.toString();
}
