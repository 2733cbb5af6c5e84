/**
 * A whole Armada inside the caller's process, for the tests of programs that
 * use one: server, scheduler and an executor, on free ports of loopback, with
 * everything kept in a directory that goes with it. It reads no environment,
 * listens to no signal and ends no process, and any number may run at once.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutorConfigInput, parseConfig } from '@armada-ts/executor/config';
import { type RunningExecutor, startExecutor } from '@armada-ts/executor/executor';
import { startApp } from './app.ts';
import { standaloneAuth } from './auth/config.ts';
import { systemClock } from './base/clock.ts';
import { createLogging } from './base/logger.ts';
import { loadConfig } from './config.ts';

/** All have defaults. */
export interface DevServerOptions {
  /** What runs jobs: `process` (default) their commands on this machine, `simulated` nothing at all. */
  runtime?: 'process' | 'simulated';
  /** How simulated runs go, as in the executor's configuration. By default each takes 10 ms and succeeds. */
  simulated?: ExecutorConfigInput['simulated'];
  /** What is offered, as in the executor's configuration. */
  nodes?: ExecutorConfigInput['nodes'];
  /** Further settings of the server, as in its configuration file. */
  settings?: object;
  /** What commands of the `process` runtime may see of the environment. */
  environment?: Readonly<Record<string, string | undefined>>;
}

export interface DevServer {
  /** `host:port` of the gRPC API. */
  address: string;
  /** `http://host:port` of the health checks. */
  httpUrl: string;
  /** Ends what still runs and removes everything that was kept. */
  close(): Promise<void>;
}

const QUICK = { minRunMs: 10, meanRunMs: 10, maxRunMs: 10 };

/** Throws ConfigError for settings that cannot be used. */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'armada-dev-'));
  opened.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const config = loadConfig({
    defaults: {
      auth: standaloneAuth,
      grpc: { port: 0 },
      http: { port: 0 },
      operator: { grpc: { port: 0 }, http: { port: 0 }, directory: join(directory, 'operator') },
      tls: { directory: join(directory, 'tls') },
      // What is thrown away at the end need not survive a power cut.
      store: { url: `sqlite:${join(directory, 'server')}`, acknowledgement: 'local' },
      submission: { defaultJobLimits: { cpu: '1', memory: '1Gi' }, podPolicy: { level: 'off' } },
      logLevel: 'warn',
    },
    files: [],
    environment: {},
    flags: options.settings ?? {},
  });
  const { logger, logLevels } = createLogging(config.logLevel);
  const app = opened.adopt(await startApp(config, { clock: systemClock, logger, logLevels }), (started) =>
    started.close(),
  );
  // Whoever wants to know finds out with the next call.
  app.failed.catch(() => {});
  const executorConfig = parseConfig({
    executorId: 'dev',
    runtime: options.runtime ?? 'process',
    simulated: options.simulated ?? QUICK,
    dataDirectory: join(directory, 'executor'),
    server: { address: app.grpcAddress, ...app.tls?.own },
    nodes: options.nodes ?? { name: 'dev' },
    tracing: { endpoint: config.tracing.endpoint },
  });
  const executor: RunningExecutor = await startExecutor({
    config: executorConfig,
    logger: logger.child({ part: 'executor' }),
    environment: options.environment ?? {},
  });
  opened.defer(() => executor.close({ endRuns: true }));
  const held = opened.move();
  let closing: Promise<void> | undefined;
  return {
    address: app.grpcAddress,
    httpUrl: app.httpUrl,
    close: () => (closing ??= held.disposeAsync()),
  };
}
