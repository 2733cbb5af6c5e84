// Whole servers and executors within the process of a test: where what counts is
// what they do, not that they are programs.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type Connection } from '@armada-ts/client';
import { type ExecutorConfigInput, parseConfig } from '@armada-ts/executor/config';
import { type RunningExecutor, startExecutor } from '@armada-ts/executor/executor';
import { type App, startApp } from '@armada-ts/server/app';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { type Clock, systemClock } from '@armada-ts/server/base/clock';
import { withLevels } from '@armada-ts/server/base/log-levels';
import { silentLogger } from '@armada-ts/server/base/logger';
import { type ConfigInput, loadConfig } from '@armada-ts/server/config';
import type { OperatorAccess } from './server.ts';

export interface LocalServer extends AsyncDisposable {
  app: App;
  connection: Connection;
  /** How to get in by its operator port. */
  access: OperatorAccess;
}

/** Starts a server on free ports that keeps what it needs in `directory` and logs nothing. */
export async function startLocalServer(
  directory: string,
  settings: Partial<ConfigInput> = {},
  clock: Clock = systemClock,
): Promise<LocalServer> {
  const operator = join(directory, 'operator');
  const port = { port: 0 };
  const defaults = {
    auth: standaloneAuth,
    grpc: port,
    http: port,
    operator: { grpc: port, http: port, directory: operator },
    store: { url: `sqlite:${join(directory, 'server')}`, acknowledgement: 'local' },
    ...settings,
  };
  const config = loadConfig({ defaults, files: [], environment: {}, flags: {} });
  const { logger, levels: logLevels } = withLevels(silentLogger, 'warn');
  const app = await startApp(config, { clock, logger, logLevels });
  const connection = connect({ address: app.grpcAddress });
  const [authority = '', token = ''] = await Promise.all(
    ['ca.pem', 'token'].map((name) => readFile(join(operator, name), 'utf8')),
  );
  const { grpcAddress: address, httpsUrl: url } = app.operator;
  return {
    app,
    connection,
    access: { address, url, authority, authorization: `Bearer ${token.trim()}` },
    async [Symbol.asyncDispose]() {
      connection.close();
      await app.close();
    },
  };
}

/** An executor whose runs only pretend, and last so long. */
export async function startPretending(
  directory: string,
  address: string,
  { runMs, ...more }: ExecutorConfigInput & { executorId: string; runMs: number },
): Promise<RunningExecutor> {
  const config = parseConfig({
    runtime: 'simulated',
    simulated: { minRunMs: runMs, meanRunMs: runMs, maxRunMs: runMs },
    dataDirectory: join(directory, more.executorId),
    server: { address },
    ...more,
  });
  return await startExecutor({ config, logger: silentLogger, environment: {} });
}
