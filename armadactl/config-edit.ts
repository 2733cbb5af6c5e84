import { chmodSync, existsSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, type Document, type YAMLMap } from 'yaml';
import { readConfigFile, type ConfigFile } from '@armada-ts/client/config-file';
import type { CommandContext } from './command.ts';
import { usageFailure } from './failure.ts';

/** Nobody but its owner may read a file that may hold a password. */
const NEW_FILE_MODE = 0o600;

/** A configuration file that may not be there yet. */
export interface EditableConfig {
  path: string;
  document: Document;
}

/** Throws ProfileError, or a failure for a file in the older form without contexts. */
export async function openForEditing(context: CommandContext): Promise<EditableConfig> {
  const { config } = context.flags();
  if (config !== undefined && !existsSync(config)) return blank(config);
  const file = await readConfigFile(config, context.homeDirectory);
  if (!file) return blank(join(context.homeDirectory ?? '.', '.armadactl.yaml'));
  if (!file.contexts && file.settings.size > 0) {
    throw usageFailure(
      `${file.path} has the older form without contexts: put what it says under contexts.NAME first`,
    );
  }
  return file;
}

async function blank(path: string): Promise<EditableConfig> {
  const { Document: YamlDocument } = await import('yaml');
  return { path, document: new YamlDocument({}) };
}

/**
 * Puts the text in the file's place in one step, so that nobody reads half of
 * it; the permissions and the target of a link stay.
 */
export function writeConfigText({ path }: Pick<ConfigFile, 'path'>, text: string): void {
  const isThere = existsSync(path);
  const target = isThere ? realpathSync(path) : path;
  const next = `${target}.${process.pid}.new`;
  writeFileSync(next, text, { mode: NEW_FILE_MODE, flag: 'wx' });
  if (isThere) chmodSync(next, statSync(target).mode & 0o777);
  renameSync(next, target);
}

/** The mapping under a key, whose case does not count; made when it is missing. */
export function mapAt(document: Document, parent: YAMLMap | undefined, key: string): YAMLMap {
  const map = parent ?? rootOf(document);
  const found = entryOf(map, key);
  if (found && isMap(found.value)) return found.value;
  const made = document.createNode({}) as YAMLMap;
  map.set(found?.key ?? key, made);
  return made;
}

export function rootOf(document: Document): YAMLMap {
  if (!isMap(document.contents)) document.contents = document.createNode({}) as YAMLMap;
  return document.contents as YAMLMap;
}

/** The entry of that name, exactly or but for its case. */
export function entryOf(map: YAMLMap, name: string): { key: string; value: unknown } | undefined {
  const entries = map.items.flatMap(({ key, value }) =>
    isScalar(key) ? [{ key: String(key.value), value }] : [],
  );
  return (
    entries.find(({ key }) => key === name) ??
    entries.find(({ key }) => key.toLowerCase() === name.toLowerCase())
  );
}

/** Sets the key however the file spells it. */
export function setIn(map: YAMLMap, key: string, value: string | boolean): void {
  map.set(entryOf(map, key)?.key ?? key, value);
}
