import { chmodSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isMap, isScalar, stringify } from 'yaml';
import { contextAddress, findContext, readConfigFile, type ConfigFile } from '@armada-ts/client/config-file';
import type { CommandContext } from './command.ts';
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
      details: ['docs/armadactl.md shows a file with two contexts to begin with'],
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
 * Changes that one entry and leaves every other byte of the file alone. The new
 * file takes the old one's place in one step and keeps its permissions, as it
 * may hold a password. Gives the context's name as the file spells it.
 */
export function writeCurrentContext({ file }: ContextFile, name: string): string {
  const [exact] = findContext(file, name);
  const path = realpathSync(file.path);
  const { mode } = statSync(path);
  const next = `${path}.${process.pid}.new`;
  writeFileSync(next, withCurrentContext(file, exact), { mode: 0o600, flag: 'wx' });
  chmodSync(next, mode & 0o777);
  renameSync(next, path);
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
