import { AddressFault, parseAddresses } from '@armada-ts/api/servers/addresses';
import type { ConnectOptions } from './connect.ts';
import { findContext, get, ProfileError, readConfigFile, type Settings } from './config-file.ts';
import { CREDENTIAL_KEYS, readCredentials, type CredentialSources } from './credentials-profile.ts';
import type { LoginSettings } from './token-profile.ts';
import { readTls, TLS_KEYS, type TlsFlags } from './tls-profile.ts';

/** Where to connect and as whom, gathered from flags, environment and file. */
export interface Profile extends ConnectOptions {
  /** The context it came from, if any. */
  contextName: string | undefined;
  /** How whoever uses it logs in; undefined where nobody does. */
  login?: LoginSettings | undefined;
  /** What a person should know about the file; nothing that stops the call. */
  notices: readonly string[];
}

export interface ProfileSources extends CredentialSources {
  /** Values of `--config`, `--context`, `--armadaUrl`: they win over everything. */
  configPath?: string | undefined;
  contextName?: string | undefined;
  address?: string | undefined;
  /** Those of `--ca`, `--cert`, `--key` and `--insecure`. */
  tls?: TlsFlags | undefined;
  /** `ARMADAURL`, `CURRENTCONTEXT`, `ARMADA_CA_FILE` and their like are read: they win over the file. */
  environment: Readonly<Record<string, string | undefined>>;
}

/** Armada's own default, and where `npm start` listens. */
export const DEFAULT_ADDRESS = 'localhost:50051';

const CONNECTION_KEYS = [
  'armadaUrl',
  'forceNoTls',
  ...TLS_KEYS,
  ...CREDENTIAL_KEYS,
  'grpcKeepAliveTime',
  'grpcKeepAliveTimeout',
  // Armada's: here tokens are always kept.
  'cacheRefreshToken',
];
const FILE_KEYS = ['currentContext', 'contexts', 'kubectlCommandTemplate'];

/**
 * Works out the connection as Armada's command line does: flags, then
 * environment, then the context of the file, then defaults. Throws ProfileError
 * for a file or value that cannot be used.
 */
export async function readProfile(sources: ProfileSources): Promise<Profile> {
  const { environment } = sources;
  const file = await readConfigFile(sources.configPath, sources.homeDirectory);
  const wanted = sources.contextName ?? (environment.CURRENTCONTEXT || undefined) ?? file?.currentContext;
  let where = file?.path ?? '';
  let settings: Settings = new Map();
  let contextName: string | undefined;
  if (file?.contexts) {
    if (wanted !== undefined) {
      [contextName, settings] = findContext(file, wanted);
      where = `${file.path}: contexts.${contextName}`;
    }
  } else if (sources.contextName !== undefined) {
    throw new ProfileError(
      `there is no context "${sources.contextName}": ${file ? `${file.path} has no contexts` : 'there is no configuration file'}`,
    );
  } else if (file) {
    settings = file.settings;
  }
  const known = file?.contexts ? CONNECTION_KEYS : [...CONNECTION_KEYS, ...FILE_KEYS];
  const address = sources.address ?? (environment.ARMADAURL || undefined);
  const connection = readConnection(settings, where, address);
  const context = { settings, where, filePath: file?.path };
  const tls = readTls(context, sources);
  if (tls?.isOfFile && connection.forceNoTls) {
    throw new ProfileError(`${where}: forceNoTls and ${tls.keys.join(', ')} exclude each other`);
  }
  const reach = tls ? { tls: tls.files, forceNoTls: false } : { forceNoTls: connection.forceNoTls ?? false };
  const { notices, ...credentials } = readCredentials(context, sources, { ...connection, ...reach });
  return {
    ...connection,
    ...reach,
    ...credentials,
    contextName,
    notices: [...notices, ...unknownKeys(settings, where, known)],
  };
}

function readConnection(settings: Settings, where: string, address: string | undefined): ConnectOptions {
  const options: ConnectOptions = {
    address: checkedAddress(address ?? optional(settings, 'armadaUrl', where, 'string') ?? DEFAULT_ADDRESS),
    forceNoTls: optional(settings, 'forceNoTls', where, 'boolean') ?? false,
  };
  const keepAliveTimeMs = optionalDuration(settings, 'grpcKeepAliveTime', where);
  if (keepAliveTimeMs !== undefined) options.keepAliveTimeMs = keepAliveTimeMs;
  const keepAliveTimeoutMs = optionalDuration(settings, 'grpcKeepAliveTimeout', where);
  if (keepAliveTimeoutMs !== undefined) options.keepAliveTimeoutMs = keepAliveTimeoutMs;
  return options;
}

function checkedAddress(address: string): string {
  try {
    parseAddresses(address);
    return address;
  } catch (error) {
    if (!(error instanceof AddressFault)) throw error;
    throw new ProfileError(`armadaUrl: ${error.message}`, { cause: error });
  }
}

interface Primitives {
  string: string;
  boolean: boolean;
}

function optional<Type extends keyof Primitives>(
  settings: Settings,
  key: string,
  where: string,
  type: Type,
): Primitives[Type] | undefined {
  const value = get(settings, key);
  if (value === undefined) return undefined;
  if (!isOfType(value, type))
    throw new ProfileError(`${where}.${key} must be a ${type}, got ${typeof value}`);
  return value;
}

function isOfType<Type extends keyof Primitives>(value: unknown, type: Type): value is Primitives[Type] {
  return typeof value === type;
}

function optionalDuration(settings: Settings, key: string, where: string): number | undefined {
  const text = optional(settings, key, where, 'string');
  if (text === undefined) return undefined;
  const durationMs = parseDuration(text);
  if (durationMs === undefined) {
    throw new ProfileError(`${where}.${key} must be a duration such as 120s, got "${text}"`);
  }
  return durationMs;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Go's notation, as in `1m30s`; milliseconds, undefined when it is not that. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let durationMs = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    durationMs += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return Math.round(durationMs);
}

/** Told and not refused: the file may be shared with a newer command line. */
function unknownKeys(settings: Settings, where: string, known: readonly string[]): string[] {
  const folded = new Set(known.map((key) => key.toLowerCase()));
  return [...settings.keys()]
    .filter((key) => !folded.has(key.toLowerCase()))
    .map((key) => `${where}: "${key}" is not a known key and has no effect`);
}
