/**
 * `npm start`: server, scheduler and an executor for this machine in one
 * process, on the embedded store or on Redis. The executor is the one that armada-executor
 * starts; it dials the gRPC port like any other.
 */
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ConfigError as ExecutorConfigError,
  type ExecutorConfigInput,
  parseConfig,
} from '@armada-ts/executor/config';
import { startExecutor } from '@armada-ts/executor/executor';
import type { App } from './app.ts';
import { standaloneAuth } from './auth/config.ts';
import { systemClock } from './base/clock.ts';
import { createLogging } from './base/logger.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { isLoopback } from './listening.ts';
import { type Running, runUntilStopped } from './run.ts';

const USAGE = `usage: npm start -- [options]

  --data DIR        where everything is kept (default: data)
  --store URL       where queues, jobs and events are kept instead, such as redis://localhost
  --grpc-port N     port of the gRPC API (default: 50051, or the next free one)
  --http-port N     port for REST and all else by HTTP (default: 8080, or the next free one)
  --nodes N         nodes to offer on this machine; 0 for none (default: 1)
  --cpu N           cores of each node (default: those of this machine, shared out)
  --memory SIZE     memory of each node, such as 8Gi (default: 80 % of this machine's)
  --config FILE     further settings of the server; see docs/configuration.md
`;

const OPTIONS = {
  data: { type: 'string', default: 'data' },
  store: { type: 'string' },
  'grpc-port': { type: 'string' },
  'http-port': { type: 'string' },
  nodes: { type: 'string', default: '1' },
  cpu: { type: 'string' },
  memory: { type: 'string' },
  config: { type: 'string', multiple: true },
  help: { type: 'boolean' },
} as const;

const readFlags = () => parseArgs({ options: OPTIONS }).values;
type Flags = ReturnType<typeof readFlags>;

await runUntilStopped('armada', async (): Promise<Running> => {
  const flags = readFlags();
  if (flags.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const nodes = wholeNumber('--nodes', flags.nodes, 10_000);
  const config = await serverConfig(flags);
  const { logger, logLevels } = createLogging(config.logLevel);
  const executorConfig = nodes === 0 ? undefined : localExecutor(flags, nodes, config);
  // Here, as it takes a second, in which signals would not be heeded yet.
  const { startApp } = await import('./app.ts');
  const app = await startApp(config, { clock: systemClock, logger, logLevels });
  try {
    const executor =
      executorConfig &&
      (await startExecutor({
        config: {
          ...executorConfig,
          server: { ...executorConfig.server, address: app.grpcAddress, ...app.tls?.own },
        },
        logger: logger.child({ part: 'executor' }),
        environment: process.env,
      }));
    greet(app, flags, nodes);
    return {
      failed: app.failed,
      close: async () => {
        await executor?.close();
        await app.close();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
});

async function serverConfig(flags: Flags): Promise<Config> {
  const config = loadConfig({
    defaults: {
      auth: standaloneAuth,
      store: { url: `sqlite:${join(flags.data, 'server')}` },
      operator: { directory: join(flags.data, 'operator') },
      tls: { directory: join(flags.data, 'tls') },
      // Disk is not shared out on one machine: jobs that name no need have none.
      submission: { defaultJobLimits: { cpu: '1', memory: '1Gi' }, podPolicy: { level: 'off' } },
      logLevel: 'warn',
    },
    files: flags.config ?? [],
    environment: process.env,
    flags: {
      ...(flags.store && { store: { url: flags.store } }),
      ...(flags['grpc-port'] && { grpc: { port: wholeNumber('--grpc-port', flags['grpc-port'], 65_535) } }),
      ...(flags['http-port'] && { http: { port: wholeNumber('--http-port', flags['http-port'], 65_535) } }),
    },
  });
  if (config.auth.schemes.includes('anonymous') && !isLoopback(config.host)) {
    throw new ConfigError(
      `host: must be a loopback address, got ${config.host}: whoever reaches this server may run any command on this machine; to open it, configure auth.schemes without anonymous`,
    );
  }
  if (!flags['grpc-port']) config.grpc.port = await freePort(config.host, config.grpc.port);
  if (!flags['http-port']) config.http.port = await freePort(config.host, config.http.port);
  const { operator } = config;
  operator.grpc.port = await freePort(operator.host, operator.grpc.port);
  operator.http.port = await freePort(operator.host, operator.http.port);
  return config;
}

function localExecutor(flags: Flags, count: number, { logLevel, store, tracing }: Config) {
  const input: ExecutorConfigInput = {
    // On a store that others share it is named after its host, as each needs an id of its own.
    ...(store.url.startsWith('sqlite:') && { executorId: 'local' }),
    dataDirectory: resolve(flags.data, 'executor'),
    nodes: {
      name: 'local',
      count,
      ...(flags.cpu && { cpu: flags.cpu }),
      ...(flags.memory && { memory: flags.memory }),
    },
    logLevel,
    tracing: { endpoint: tracing.endpoint },
  };
  try {
    return parseConfig(input);
  } catch (error) {
    if (!(error instanceof ExecutorConfigError)) throw error;
    throw new ConfigError(error.message.replaceAll(/^nodes\.0\.(?=cpu:|memory:)/gm, '--'));
  }
}

function greet(app: App, flags: Flags, nodes: number): void {
  const { tokenFile } = app.operator;
  const address = app.grpcAddress === '127.0.0.1:50051' ? '' : ` --armadaUrl ${app.grpcAddress}`;
  const server = app.tls?.authorityFile ? `${address} --ca ${app.tls.authorityFile}` : address;
  process.stdout.write(`Armada is up, with ${nodes} node${nodes === 1 ? '' : 's'} on this machine.

  gRPC      ${app.grpcAddress}
  REST      ${app.httpUrl}/api/docs
  operator  ${app.operator.httpsUrl}${tokenFile ? `, token in ${tokenFile}` : ''}
  data      ${resolve(flags.data)}
  store     ${app.store}

Run a first job from a second shell:

  npx armadactl${server} create queue demo
  npx armadactl${server} submit docs/examples/hello.yaml
  npx armadactl${server} watch demo hello --exit-if-inactive

`);
}

function wholeNumber(flag: string, text: string, max: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= max) return number;
  throw new ConfigError(`${flag}: must be a whole number from 0 to ${max}, got "${text}"`);
}

/** The port, or the next free one above it. */
async function freePort(host: string, wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 100; port++)
    if (port === 0 || (await isFree(host, port))) return port;
  throw new ConfigError(`no free port from ${wanted} on`);
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen({ host, port }, () => probe.close(() => done(true)));
  });
}
