import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Document } from 'yaml';

/** A configuration file or an environment variable that cannot be used; the message names the key. */
export class ProfileError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ProfileError';
  }
}

/** Keys of a mapping with their values, as the file has them. */
export type Settings = ReadonlyMap<string, unknown>;

/** Armada's configuration file for clients, read but not yet judged. */
export interface ConfigFile {
  path: string;
  /** Text and document, for whoever writes the file back. */
  text: string;
  document: Document;
  /** All top-level keys; in the older flat form these are the connection itself. */
  settings: Settings;
  /** Undefined in the older flat form. */
  contexts: ReadonlyMap<string, Settings> | undefined;
  currentContext: string | undefined;
}

/** Looked for in the home directory, in this order. */
const FILE_NAMES = ['.armadactl.yaml', '.armadactl.yml', '.armadactl.json'];

/**
 * Reads the file at `path`, or else the first that exists in the home directory.
 * Undefined when there is none; throws ProfileError when it cannot be read, or
 * when `path` names a file that is not there.
 */
export async function readConfigFile(
  path: string | undefined,
  homeDirectory: string | undefined,
): Promise<ConfigFile | undefined> {
  if (path !== undefined) return parseConfigFile(path, readText(path));
  if (homeDirectory === undefined) return undefined;
  for (const name of FILE_NAMES) {
    const candidate = join(homeDirectory, name);
    try {
      return await parseConfigFile(candidate, readFileSync(candidate, 'utf8'));
    } catch (error) {
      if (error instanceof ProfileError) throw error;
      if (!isMissing(error)) throw unreadable(candidate, error);
    }
  }
  return undefined;
}

/** JSON is read too, being YAML, whose parser is loaded only for whoever has such a file. */
async function parseConfigFile(path: string, text: string): Promise<ConfigFile> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault) throw new ProfileError(`${path}: ${fault.message.split('\n')[0]}`);
  const settings = toSettings(document.toJS({ mapAsMap: true }) ?? new Map(), path);
  const contexts = get(settings, 'contexts');
  const currentContext = get(settings, 'currentContext');
  if (currentContext !== undefined && typeof currentContext !== 'string') {
    throw new ProfileError(`${path}: currentContext must be the name of a context`);
  }
  return {
    path,
    text,
    document,
    settings,
    contexts: contexts === undefined ? undefined : toContexts(contexts, path),
    currentContext,
  };
}

/**
 * The context of that name. Armada folds names to lower case when it writes its
 * file, so a name that fits no context exactly may fit one but for its case.
 */
export function findContext(file: ConfigFile, name: string): [name: string, settings: Settings] {
  const contexts = file.contexts ?? new Map<string, Settings>();
  const exact = contexts.get(name);
  if (exact) return [name, exact];
  const folded = [...contexts].filter(([candidate]) => candidate.toLowerCase() === name.toLowerCase());
  if (folded.length === 1 && folded[0]) return folded[0];
  const known = [...contexts.keys()];
  throw new ProfileError(
    `${file.path}: there is no context "${name}"${known.length > 0 ? `; there are ${known.join(', ')}` : ''}`,
  );
}

/** A key's value. Armada's reader ignores the case of keys, so this does. */
export function get(settings: Settings, key: string): unknown {
  const exact = settings.get(key);
  if (exact !== undefined) return exact ?? undefined;
  const folded = key.toLowerCase();
  for (const [candidate, value] of settings) {
    if (candidate.toLowerCase() === folded) return value ?? undefined;
  }
  return undefined;
}

/** `where` names the mapping in the error thrown when it is none. */
export function toSettings(value: unknown, where: string): Settings {
  if (!(value instanceof Map)) throw new ProfileError(`${where}: expected keys and values`);
  return new Map([...value].map(([key, entry]) => [String(key), entry]));
}

function toContexts(value: unknown, path: string): Map<string, Settings> {
  const contexts = toSettings(value, `${path}: contexts`);
  return new Map(
    [...contexts].map(([name, entry]) => [name, toSettings(entry ?? new Map(), `${path}: contexts.${name}`)]),
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): ProfileError {
  const reason = isMissing(cause)
    ? 'there is no such file'
    : cause instanceof Error
      ? cause.message
      : 'unknown';
  return new ProfileError(`cannot read the configuration file ${path}: ${reason}`, { cause });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** The settings of one context, or of the older flat form. */
export interface ConnectionSettings {
  settings: Settings;
  /** Names them in errors. */
  where: string;
  /** Of the configuration file; undefined where there is none. */
  filePath: string | undefined;
}

/** Files that the configuration file names lie beside it, wherever a program is run. */
export function besideFile({ filePath }: ConnectionSettings, path: string): string {
  return filePath === undefined ? path : resolve(dirname(filePath), path);
}

/** The address a context states, for showing it; empty when it states none. */
export function contextAddress(settings: Settings): string {
  const address = get(settings, 'armadaUrl');
  return typeof address === 'string' ? address : '';
}

/** A text that must be there. Throws ProfileError. */
export function text(settings: Settings, key: string, where: string): string {
  const value = get(settings, key);
  if (value === undefined || value === '') throw new ProfileError(`${where}.${key} is missing`);
  if (typeof value !== 'string')
    throw new ProfileError(`${where}.${key} must be a string, got ${typeof value}`);
  return value;
}
