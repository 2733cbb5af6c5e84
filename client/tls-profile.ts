import type { TlsFiles } from '@armada-ts/api/servers/tls-credentials';
import { besideFile, type ConnectionSettings, get, ProfileError } from './config-file.ts';

/** What flags say of TLS. */
export type TlsFlags = TlsFiles;

/** Keys of a context. */
export const TLS_KEYS = ['caFile', 'certFile', 'keyFile', 'insecure'] as const;

/** The same in the environment. */
const VARIABLES = {
  caFile: 'ARMADA_CA_FILE',
  certFile: 'ARMADA_CERT_FILE',
  keyFile: 'ARMADA_KEY_FILE',
} as const;
const INSECURE_VARIABLE = 'ARMADA_INSECURE';

interface TlsSources {
  tls?: TlsFlags | undefined;
  environment: Readonly<Record<string, string | undefined>>;
}

/** What is to be trusted and shown: flags, then environment, then the context. Undefined where nothing is said. Throws ProfileError. */
export function readTls(
  context: ConnectionSettings,
  { tls: flags = {}, environment }: TlsSources,
): { files: TlsFiles; isOfFile: boolean; keys: readonly string[] } | undefined {
  const ofFile = readContext(context);
  const files: TlsFiles = {};
  let isOfFile = true;
  for (const key of ['caFile', 'certFile', 'keyFile'] as const) {
    const nearer = flags[key] ?? (environment[VARIABLES[key]] || undefined);
    if (nearer !== undefined) isOfFile = false;
    const path = nearer ?? ofFile[key];
    if (path !== undefined) files[key] = path;
  }
  const nearer = flags.insecure ?? insecureIn(environment);
  if (nearer) isOfFile = false;
  if (nearer ?? ofFile.insecure) files.insecure = true;
  const keys = Object.keys(files);
  if (keys.length === 0) return undefined;
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) {
    const [there, missing] = files.certFile === undefined ? ['key', 'cert'] : ['cert', 'key'];
    throw new ProfileError(
      `${there}File needs ${missing}File: give --${missing}, or ${missing}File in the context`,
    );
  }
  return { files, isOfFile, keys };
}

function readContext(context: ConnectionSettings): TlsFiles {
  const { settings, where } = context;
  const read: TlsFiles = {};
  for (const key of TLS_KEYS) {
    const value = get(settings, key);
    if (value === undefined) continue;
    if (key === 'insecure') {
      if (typeof value !== 'boolean') throw wrong(`${where}.${key}`, 'a boolean', value);
      read.insecure = value;
    } else {
      if (typeof value !== 'string') throw wrong(`${where}.${key}`, 'a string', value);
      read[key] = besideFile(context, value);
    }
  }
  return read;
}

function insecureIn(environment: TlsSources['environment']): boolean | undefined {
  const text = environment[INSECURE_VARIABLE];
  if (text === undefined || text === '') return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ProfileError(`${INSECURE_VARIABLE} must be true or false, got "${text}"`);
}

function wrong(where: string, expected: string, value: unknown): ProfileError {
  return new ProfileError(`${where} must be ${expected}, got ${typeof value}`);
}
