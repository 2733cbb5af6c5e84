import type { DevServerOptions as ServerOptions } from '@armada-ts/server/dev-server';
import { connect, type Connection } from './connect.ts';

/** What can be set about a server for tests; all has defaults. */
export interface DevServerOptions {
  /** What runs jobs: `process` (default) their commands on this machine, `simulated` nothing at all. */
  runtime?: 'process' | 'simulated';
  /** How simulated runs go. By default each takes 10 ms and succeeds. */
  simulated?: {
    seed?: number;
    startDelayMs?: number;
    minRunMs?: number;
    meanRunMs?: number;
    maxRunMs?: number;
    /** Share of runs that fail with exit code 1, from 0 to 1. */
    failureRatio?: number;
  };
  /** Nodes that are offered. By default one, of the size of this machine or, simulated, of 16 cores and 64 GiB. */
  nodes?: { count?: number; cpu?: string; memory?: string };
  /** Further settings of the server, as in its configuration file. */
  settings?: object;
}

/** A server for tests, and a connection to it. */
export interface DevServer extends AsyncDisposable {
  connection: Connection;
  /** `host:port`, for other programs. */
  address: string;
  /** Ends what still runs, the connection and the server, and removes all that was kept. */
  close(): Promise<void>;
}

/**
 * Starts a whole Armada inside this process, for tests: on a free port of
 * loopback, with everything kept in a temporary directory. Any number may run
 * at once. Needs the package `@armada-ts/server` beside this one.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const { startDevServer: start } = await serverPackage();
  const { nodes, ...others } = options;
  const given: ServerOptions = { ...others, environment: process.env };
  if (nodes) given.nodes = { name: 'dev', ...nodes };
  const server = await start(given);
  const connection = connect({ address: server.address });
  const close = async () => {
    connection.close();
    await server.close();
  };
  return { connection, address: server.address, close, [Symbol.asyncDispose]: close };
}

async function serverPackage() {
  try {
    return await import('@armada-ts/server/dev-server');
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
    if (!cause.message.includes('@armada-ts/server')) throw cause;
    throw new Error(
      'startDevServer() needs the package @armada-ts/server: add it to your devDependencies in the version of @armada-ts/client',
      { cause },
    );
  }
}
