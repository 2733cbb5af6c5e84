/**
 * The executor's whole configuration: what can be set, and its defaults. Where
 * values come from is told in config-sources.ts.
 */
import { AddressFault, parseAddresses } from '@armada-ts/api/servers/addresses';
import { isLoopback } from '@armada-ts/api/servers/loopback';
import { z } from 'zod';
import { LOG_LEVELS } from './logger.ts';
import { podPolicySchema } from './pod-policy.ts';
import { parseQuantity } from './quantity.ts';

const MINUTE_MS = 60_000;

const quantity = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine((text) => (parseQuantity(text) ?? 0) > 0, 'must be a quantity above 0, such as 4, 500m or 8Gi');

function checkAddress(text: string, context: z.RefinementCtx): void {
  try {
    parseAddresses(text);
  } catch (error) {
    if (!(error instanceof AddressFault)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
}

const taint = z.strictObject({
  key: z.string().min(1),
  value: z.string().default(''),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

const nodeGroup = z.strictObject({
  name: z
    .string()
    .min(1)
    .optional()
    .describe('Nodes are called `NAME-0`, `NAME-1`, ...; `local` by default, or `simulated`.'),
  count: z.int().min(1).max(100_000).default(1).describe('How many nodes are offered.'),
  cpu: quantity
    .optional()
    .describe("Cores of each node. Default: the machine's, shared out among the nodes; 16 when simulated."),
  memory: quantity
    .optional()
    .describe("Memory of each node. Default: 80 % of the machine's, shared out; 64Gi when simulated."),
  ephemeralStorage: quantity
    .optional()
    .describe('Disk of each node. Default: what is free where the data directory is, shared out.'),
  resources: z
    .record(z.string(), quantity)
    .default({})
    .describe('Other resources of each node, such as `nvidia.com/gpu: 1`.'),
  labels: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'Labels of each node, besides `kubernetes.io/hostname` and, with `process`, `kubernetes.io/os` and `kubernetes.io/arch`.',
    ),
  taints: z.array(taint).default([]).describe('Taints of each node; jobs need tolerations for them.'),
  pool: z.string().min(1).optional().describe("Pool of these nodes. Default: the executor's."),
});

const server = z.strictObject({
  address: z
    .string()
    .superRefine(checkAddress)
    .default('localhost:50051')
    .describe(
      "The server's gRPC port, as HOST:PORT. Of several servers of one Armada, all of them with commas between: the first that answers is used, and when it is gone the next.",
    ),
  tls: z
    .boolean()
    .optional()
    .describe(
      'Speak TLS. By default when `caFile`, `certFile` or `insecure` is set. To be said where credentials go to another machine.',
    ),
  caFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      "File of certificates (PEM) to trust instead of the system's. Read again when it changes, as all of these.",
    ),
  certFile: z
    .string()
    .min(1)
    .optional()
    .describe('File with the certificate (PEM) to show to the server, the rest of its chain after it.'),
  keyFile: z.string().min(1).optional().describe('File with its private key (PEM).'),
  insecure: z
    .boolean()
    .default(false)
    .describe('Speak TLS to whoever answers, whatever they show: for trying out only.'),
  username: z.string().min(1).optional().describe('Name for basic authentication.'),
  password: z
    .string()
    .optional()
    .describe('Password for basic authentication; better given in the environment than in a file.'),
  tokenFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with a token to show to the server, such as that of a Kubernetes service account. Read again while it is in use.',
    ),
  accessKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with an access key and its secret, as `armadactl key create -o json` prints them. Read again whenever a token is asked for.',
    ),
});

const lease = z.strictObject({
  heartbeatMs: z
    .int()
    .min(100)
    .max(30_000)
    .default(5_000)
    .describe('Longest time between two signs of life, in milliseconds.'),
  maxJobs: z
    .int()
    .min(1)
    .max(100_000)
    .default(1_000)
    .describe('Most leases the server may send before it is asked again.'),
  silenceLimitMs: z
    .int()
    .min(1_000)
    .default(8 * MINUTE_MS)
    .describe(
      'How long no server may be reached before runs of jobs that must run at most once are stopped, in milliseconds. Keep it below the time after which the server gives up an executor (10 minutes by default).',
    ),
});

const processes = z.strictObject({
  logMaxBytes: z
    .int()
    .min(1_024)
    .default(10 * 1024 * 1024)
    .describe("About how much of a container's output is kept, in bytes; the beginning is kept."),
  endedKeptMs: z
    .int()
    .min(0)
    .default(60 * MINUTE_MS)
    .describe('How long the files of an ended run are kept, in milliseconds.'),
  endedKeptMax: z.int().min(0).default(1_000).describe('Of how many ended runs files are kept.'),
});

const ratio = z.number().min(0).max(1);

const simulated = z.strictObject({
  seed: z.int().default(1).describe('Runs with the same seed and run id always behave the same.'),
  startDelayMs: z.number().min(0).default(0).describe('From the lease to running, in milliseconds.'),
  minRunMs: z.number().min(0).default(1_000).describe('Shortest run, in milliseconds.'),
  meanRunMs: z.number().min(0).default(5_000).describe('Mean run, in milliseconds.'),
  maxRunMs: z.number().min(0).default(60_000).describe('Longest run, in milliseconds.'),
  failureRatio: ratio.default(0).describe('Share of runs that fail with exit code 1, from 0 to 1.'),
  leaseReturnRatio: ratio
    .default(0)
    .describe('Share of runs that are given back without having started, from 0 to 1.'),
});

export const configSchema = z.strictObject({
  executorId: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe(
      "Name of this executor, unique among a server's. Default: as it was called before with this data directory, at first the machine's host name.",
    ),
  pool: z.string().min(1).default('default').describe('Pool that the nodes belong to.'),
  server: server.prefault({}).describe('The server to lease from.'),
  runtime: z
    .enum(['process', 'simulated'])
    .default('process')
    .describe('What runs jobs: `process` commands on this machine, `simulated` nothing at all.'),
  dataDirectory: z
    .string()
    .min(1)
    .default('executor-data')
    .describe('Where runs and their output are kept; one executor at a time.'),
  nodes: z
    .preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(nodeGroup).min(1))
    .prefault({})
    .describe('What is offered: one group of equal nodes, or a list of groups.'),
  lease: lease.prefault({}).describe('The talk with the server.'),
  podPolicy: podPolicySchema.prefault({}),
  process: processes.prefault({}).describe('The process runtime.'),
  simulated: simulated.prefault({}).describe('The simulated runtime.'),
  tracing: z
    .strictObject({
      endpoint: z
        .url({ protocol: /^https?$/, error: 'must be a URL such as http://localhost:4318/v1/traces' })
        .optional()
        .describe(
          'URL at which a collector takes traces, as OTLP over HTTP. Runs are traced whose jobs were submitted by a call that was; without this, none.',
        ),
    })
    .prefault({}),
  logLevel: z.enum(LOG_LEVELS).default('info').describe('Least severe messages that are logged.'),
});

export type ExecutorConfig = z.output<typeof configSchema>;
export type ExecutorConfigInput = z.input<typeof configSchema>;
export type NodeGroupConfig = ExecutorConfig['nodes'][number];

/** The configuration cannot be used; the message has a line for each thing that is wrong. */
export class ConfigError extends Error {}

/** Checks a configuration and fills in the defaults. Throws ConfigError. */
export function parseConfig(input: unknown): ExecutorConfig {
  const parsed = configSchema.safeParse(input);
  if (!parsed.success) {
    const lines = parsed.error.issues.flatMap((issue) => {
      const path = issue.path.map(String);
      if (issue.code !== 'unrecognized_keys')
        return [`${path.join('.') || 'configuration'}: ${issue.message}`];
      return issue.keys.map((key) => `${[...path, key].join('.')}: there is no such setting`);
    });
    throw new ConfigError(lines.join('\n'));
  }
  const { server: to, simulated: sim } = parsed.data;
  const wanting = (['caFile', 'certFile', 'keyFile'] as const).find((name) => to[name] !== undefined);
  if (to.tls === false && (wanting !== undefined || to.insecure)) {
    throw new ConfigError(`server.${wanting ?? 'insecure'}: needs server.tls: true`);
  }
  if ((to.certFile === undefined) !== (to.keyFile === undefined)) {
    throw new ConfigError('server: certFile and keyFile go together');
  }
  const credentials = (['username', 'tokenFile', 'accessKeyFile'] as const).filter(
    (name) => to[name] !== undefined,
  );
  if (credentials.length > 1)
    throw new ConfigError(`server: ${credentials.join(' and ')} exclude each other`);
  const isPlain = to.tls === undefined && wanting === undefined && !to.insecure;
  if (isPlain && credentials.length > 0) refuseReadable(to.address);
  if (!(sim.minRunMs <= sim.meanRunMs && sim.meanRunMs <= sim.maxRunMs)) {
    throw new ConfigError('simulated: minRunMs, meanRunMs and maxRunMs must be in ascending order');
  }
  return parsed.data;
}

/** Credentials go to other machines over TLS, or where somebody has said that they need not. Throws ConfigError. */
function refuseReadable(addresses: string): void {
  const address = parseAddresses(addresses).find((each) => !isLoopback(each));
  if (address === undefined) return;
  const advice = 'must be true, or false where something on the way talks TLS';
  throw new ConfigError(`server.tls: ${advice}: the credentials could be read on their way to ${address}`);
}
