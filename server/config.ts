/**
 * The server's whole configuration: one schema, put together from what each
 * part wants to know. Values come from, later ones winning: the defaults here,
 * the files of --config in order, the environment, the flags.
 *
 * In the environment a key is ARMADA_ and its path in capitals, joined by
 * underscores: `grpc.port` is ARMADA_GRPC_PORT. Texts are taken as they are;
 * other values are read as YAML, so lists and maps can be given too.
 */
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { authSchema, trustedProxiesSchema } from './auth/config.ts';
import { auditSchema, metricsSchema, tracingSchema } from './observe/config.ts';
import { operatorSchema } from './operator/config.ts';
import { schedulerSchema } from './scheduler/config.ts';
import { priorityClassesSchema, submissionSchema } from './submit/config.ts';
import { tlsSchema } from './tls/config.ts';

const port = z.int().min(0).max(65535);
const DAY_MS = 24 * 60 * 60 * 1000;

const settings = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Address to listen on, for both ports. `0.0.0.0` or `::` for all interfaces.'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe('What this server is called in logs, among several. By default the name of its host.'),
  advertisedAddress: z
    .string()
    .regex(/^.+:\d+$/, 'must be HOST:PORT')
    .optional()
    .describe(
      '`HOST:PORT` at which the other servers of its store reach the gRPC port of this one. By default `host` and the port; where it listens on all interfaces, the name of its host.',
    ),
  trustedProxies: trustedProxiesSchema,
  grpc: z
    .strictObject({
      port: port.default(50051).describe('Port of the gRPC API; 0 for any free one.'),
      maxRequestBytes: z
        .int()
        .min(64 * 1024)
        .default(4 * 1024 * 1024)
        .describe('Largest request taken, in bytes after decompression.'),
    })
    .prefault({}),
  http: z
    .strictObject({
      port: port.default(8080).describe('Port of the HTTP API and of health checks; 0 for any free one.'),
      allowedHosts: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'Host names, besides loopback names and `host`, under which this port may be addressed. A request for any other is refused, so that no web page can reach the port under a name of its own.',
        ),
      corsOrigins: z
        .array(z.string().regex(/^https?:\/\/[^/]+$/, 'must be like https://example.com'))
        .default([])
        .describe(
          'Other sites whose pages may call this port from a browser, such as `https://example.com` or `http://localhost:3000`. Requests from pages of any other are refused.',
        ),
      maxRequestBytes: z
        .int()
        .min(64 * 1024)
        .default(4 * 1024 * 1024)
        .describe('Largest request taken, in bytes after decompression.'),
    })
    .prefault({}),
  operator: operatorSchema
    .prefault({})
    .describe('Where operators reach this server, and their first credential. These ports always use TLS.'),
  tls: tlsSchema
    .prefault({})
    .describe('TLS on the ports of users, and between servers. By default these talk plainly.'),
  store: z
    .strictObject({
      url: z
        .string()
        .regex(
          /^sqlite:.+|^rediss?(\+sentinel|\+cluster)?:\/\/.+/,
          'must be sqlite:DIRECTORY, redis://HOST:PORT, redis+sentinel://HOSTS/NAME or redis+cluster://HOSTS',
        )
        .default('sqlite:data')
        .describe(
          'Where queues, jobs and events are kept: `sqlite:DIRECTORY`, or a URL of Redis, see [operating Redis](operating-redis.md).',
        ),
      acknowledgement: z
        .enum(['local', 'synced', 'replicated'])
        .optional()
        .describe(
          'What an answered submit survives: `local` the death of the server, `synced` power loss, `replicated` the loss of any one node. By default the strongest that the store can give.',
        ),
    })
    .prefault({}),
  retention: z
    .strictObject({
      eventsMs: z
        .number()
        .min(1000)
        .default(14 * DAY_MS)
        .describe('How long events are kept, in milliseconds.'),
      recordsMs: z
        .number()
        .min(1000)
        .default(7 * DAY_MS)
        .describe('How long a finished job can be looked up and its client id stays taken, in milliseconds.'),
      logMs: z
        .number()
        .min(1000)
        .default(DAY_MS / 24)
        .describe('How long the internal feed of changes is kept, in milliseconds.'),
      logBytes: z
        .number()
        .min(1024 * 1024)
        .default(256 * 1024 * 1024)
        .describe(
          'How many bytes of it are kept at most, however young. A server that was cut off for longer than the feed reaches loads everything anew.',
        ),
    })
    .prefault({}),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe messages that are logged.'),
  metrics: metricsSchema.prefault({}),
  tracing: tracingSchema.prefault({}),
  audit: auditSchema.prefault({}),
  auth: authSchema.describe('Who is let in, and what they may do.'),
  priorityClasses: priorityClassesSchema,
  submission: submissionSchema
    .prefault({})
    .describe('What jobs may ask for, and what they get when they do not.'),
  scheduling: schedulerSchema.prefault({}).describe('How jobs are given to nodes.'),
});

export const configSchema = settings.superRefine(({ auth, tls, priorityClasses, submission }, context) => {
  if (auth.schemes.includes('mtls') && !tls.clients) {
    const message = 'must be there for auth.schemes with mtls, and say whose certificates are taken';
    context.addIssue({ code: 'custom', path: ['tls', 'clients'], message });
  }
  const { defaultPriorityClassName: name } = submission;
  if (Object.hasOwn(priorityClasses, name)) return;
  const message = `must be one of ${Object.keys(priorityClasses).join(', ')}, got ${name}`;
  context.addIssue({ code: 'custom', path: ['submission', 'defaultPriorityClassName'], message });
});

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

/** The configuration cannot be used; the message has a line for each thing that is wrong. */
export class ConfigError extends Error {}

/** Where a configuration comes from. */
export interface ConfigSources {
  /** Under everything else. */
  defaults: object;
  files: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  /** Over everything else. */
  flags: object;
}

/** Puts a configuration together. Throws ConfigError. */
export function loadConfig(sources: ConfigSources): Config {
  let merged: object = sources.defaults;
  for (const file of sources.files) merged = merge(merged, readFile(file));
  merged = merge(merged, fromEnvironment(sources.environment));
  merged = merge(merged, sources.flags);
  const parsed = configSchema.safeParse(merged);
  if (parsed.success) return parsed.data;
  throw new ConfigError(parsed.error.issues.flatMap(linesOf).join('\n'));
}

/** What is wrong, each line led by the path of the setting. */
function linesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${[...issue.path, key].join('.')}: is no setting`);
  }
  return [`${issue.path.join('.') || 'configuration'}: ${issue.message}`];
}

function readFile(path: string): object {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    const value: unknown = parse(text) ?? {};
    if (isMap(value)) return value;
  } catch (error) {
    if (error instanceof YAMLParseError) throw new ConfigError(`${path}: ${error.message}`);
    throw error;
  }
  throw new ConfigError(`${path}: must hold a map of settings`);
}

/** Picks the variables that name a setting; others of the prefix belong to other programs. */
function fromEnvironment(environment: ConfigSources['environment']): object {
  let settings: object = {};
  for (const path of settingPaths(configSchema)) {
    const name = `ARMADA_${path.join('_').toUpperCase()}`;
    const text = environment[name];
    if (text === undefined) continue;
    let value: unknown = text;
    try {
      if (!isText(path)) value = parse(text);
    } catch {
      throw new ConfigError(`${name}: is not valid YAML`);
    }
    settings = merge(
      settings,
      path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object,
    );
  }
  return settings;
}

/** Whether the setting is a text; in YAML `::` would be a map, and `1e3` a number. */
function isText(path: readonly string[]): boolean {
  let schema: unknown = configSchema;
  for (const key of path) {
    const inner: unknown = schema instanceof z.ZodType ? unwrapped(schema) : undefined;
    schema = inner instanceof z.ZodObject ? inner.shape[key] : undefined;
  }
  return schema instanceof z.ZodType && unwrapped(schema) instanceof z.ZodString;
}

/** Paths of all settings, maps and lists counting as one. */
export function settingPaths(schema: z.ZodType, path: string[] = []): string[][] {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [path];
  return Object.entries(inner.shape).flatMap(([key, value]) =>
    settingPaths(value as z.ZodType, [...path, key]),
  );
}

/** The schema inside defaults and optionals. */
function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

function merge(under: object, over: object): object {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isMap(before) && isMap(value) ? merge(before, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
