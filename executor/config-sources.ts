/**
 * Where the configuration comes from. Later ones win: the files of --config in
 * order, the environment, the other flags. As with the server, a setting's name
 * in the environment is its path in capitals after a prefix: `server.address`
 * is ARMADA_EXECUTOR_SERVER_ADDRESS.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError, type ExecutorConfig, configSchema, parseConfig } from './config.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Settings = Record<string, unknown>;

interface Flag {
  path: readonly string[];
  /** What stands for its value; left out where there is none. */
  value?: string;
  help: string;
}

/** Flags for what is set by hand most often. */
const FLAGS: Readonly<Record<string, Flag>> = {
  server: {
    path: ['server', 'address'],
    value: 'HOST:PORT',
    help: 'server to lease from; several with commas between',
  },
  ca: { path: ['server', 'caFile'], value: 'FILE', help: 'authorities to trust (PEM); speaks TLS' },
  cert: { path: ['server', 'certFile'], value: 'FILE', help: 'certificate to show to the server (PEM)' },
  key: { path: ['server', 'keyFile'], value: 'FILE', help: 'its private key (PEM)' },
  insecure: { path: ['server', 'insecure'], help: 'speak TLS to whoever answers' },
  'executor-id': { path: ['executorId'], value: 'NAME', help: 'name of this executor' },
  pool: { path: ['pool'], value: 'NAME', help: 'pool of its nodes' },
  runtime: { path: ['runtime'], value: 'KIND', help: 'process or simulated' },
  data: { path: ['dataDirectory'], value: 'DIR', help: 'data directory' },
  nodes: { path: ['nodes', 'count'], value: 'N', help: 'number of nodes' },
  cpu: { path: ['nodes', 'cpu'], value: 'CORES', help: 'cores of each node' },
  memory: { path: ['nodes', 'memory'], value: 'SIZE', help: 'memory of each node, such as 8Gi' },
  'log-level': { path: ['logLevel'], value: 'LEVEL', help: 'debug, info, warn, error or silent' },
};

/** What --help prints. */
export function usage(): string {
  const lines = Object.entries(FLAGS).map(
    ([flag, { value = '', help }]) => `  ${`--${flag} ${value}`.padEnd(24)}${help}`,
  );
  return [
    'Usage: armada-executor [--config FILE]... [FLAGS]',
    '',
    `  ${'--config FILE'.padEnd(24)}settings in YAML; may be given more than once`,
    ...lines,
    '',
    'Every setting can also be given in the environment: ARMADA_EXECUTOR_SERVER_ADDRESS for server.address.',
    '',
  ].join('\n');
}

/** Puts a configuration together; undefined when help was asked for. Throws ConfigError. */
export function loadConfig(args: readonly string[], environment: Environment): ExecutorConfig | undefined {
  const { files, flags, isHelp } = readFlags(args);
  if (isHelp) return undefined;
  const layers = [...files.map(readFile), fromEnvironment(environment), flags];
  return parseConfig(layers.reduce<Settings>(overlay, {}));
}

function readFlags(args: readonly string[]): { files: string[]; flags: Settings; isHelp: boolean } {
  const known = Object.entries(FLAGS).map(
    ([flag, { value }]) => [flag, { type: value === undefined ? 'boolean' : 'string' }] as const,
  );
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: {
        ...Object.fromEntries(known),
        config: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
    let flags: Settings = {};
    for (const [flag, { path }] of Object.entries(FLAGS)) {
      const given: unknown = values[flag as keyof typeof values];
      if (typeof given === 'string') flags = overlay(flags, nested(path, scalar(path, given)));
      else if (given === true) flags = overlay(flags, nested(path, true));
    }
    return { files: values.config ?? [], flags, isHelp: values.help ?? false };
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error));
  }
}

function readFile(file: string): Settings {
  let value: unknown;
  try {
    value = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (error) {
    throw new ConfigError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isSettings(value)) throw new ConfigError(`${file}: must hold a map of settings`);
  return value;
}

/** Other variables of the prefix are left alone: Kubernetes makes some for a service of this name. */
function fromEnvironment(environment: Environment): Settings {
  let settings: Settings = {};
  for (const path of settingPaths()) {
    const name = `ARMADA_EXECUTOR_${path.join('_').toUpperCase()}`;
    const text = environment[name];
    if (text === undefined) continue;
    try {
      settings = overlay(settings, nested(path, scalar(path, text)));
    } catch {
      throw new ConfigError(`${name}: is not valid YAML`);
    }
  }
  return settings;
}

/** Paths of all settings; a list or a map of free names is one. */
export function settingPaths(): string[][] {
  return Object.entries(configSchema.shape).flatMap(([key, schema]) => {
    const inner = inside(schema);
    return inner instanceof z.ZodObject ? Object.keys(inner.shape).map((name) => [key, name]) : [[key]];
  });
}

/** A value given as text: as it is where a text is wanted, else read as YAML. */
function scalar(path: readonly string[], text: string): unknown {
  let schema: unknown = configSchema;
  for (const key of path) schema = schema instanceof z.ZodObject ? inside(schema.shape[key]) : undefined;
  return schema instanceof z.ZodString ? text : parse(text);
}

/** The schema inside its default. */
function inside(schema: unknown): unknown {
  const isWrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  return isWrapped ? inside(schema.unwrap()) : schema;
}

function nested(path: readonly string[], value: unknown): Settings {
  const [key = '', ...rest] = path;
  return { [key]: rest.length === 0 ? value : nested(rest, value) };
}

function overlay(under: Settings, over: Settings): Settings {
  const result = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isSettings(below) && isSettings(value) ? overlay(below, value) : value;
  }
  return result;
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
