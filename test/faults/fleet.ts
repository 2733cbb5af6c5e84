// The programs that a storm kills and starts again: one that is all, or a
// server and an executor apart. A server comes back on the address it had.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Program, startProgram } from '../e2e/programs.ts';
import type { Fleet } from './storm.ts';

/** Programs of this checkout. */
export interface LocalFleet extends Fleet {
  /** Ends everything, politely; what does not follow is killed. */
  stop(): Promise<void>;
}

type Launch = () => Promise<Program>;

const NODES = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];
const STOP_MS = 15_000;

/** Server, scheduler and executor as one process. */
export async function startTogether(directory: string): Promise<LocalFleet> {
  const port = await freePort();
  return await startFleet(port, { server: () => launchServer(directory, port, NODES) });
}

/** A server without an executor of its own, and an executor apart. */
export async function startApart(directory: string): Promise<LocalFleet> {
  const port = await freePort();
  const launchExecutor: Launch = async () => {
    const program = startProgram('executor/main.ts', [
      '--server',
      `127.0.0.1:${port}`,
      '--executor-id',
      'apart',
      '--data',
      join(directory, 'apart'),
      ...NODES,
    ]);
    await program.line(/executor started/);
    return program;
  };
  const server: Launch = () => launchServer(directory, port, ['--nodes', '0']);
  return await startFleet(port, { server, executor: launchExecutor });
}

async function launchServer(directory: string, port: number, nodes: readonly string[]): Promise<Program> {
  const where = ['--data', join(directory, 'data'), '--grpc-port', String(port), '--http-port', '0'];
  const program = startProgram('server/standalone.ts', [...where, ...nodes]);
  await program.line(/gRPC\s+(\S+:\d+)/);
  return program;
}

async function startFleet(port: number, launches: Readonly<Record<string, Launch>>): Promise<LocalFleet> {
  const running = new Map<string, Program>();
  const fleet: LocalFleet = {
    address: `127.0.0.1:${port}`,
    programs: Object.keys(launches),
    kill: async (name) => {
      await running.get(name)?.kill('SIGKILL');
      running.delete(name);
    },
    start: async (name) => {
      const launch = launches[name];
      if (launch) running.set(name, await launch());
    },
    stop: async () => {
      for (const program of [...running.values()].toReversed()) {
        const timer = setTimeout(() => program.process.kill('SIGKILL'), STOP_MS);
        await program.kill('SIGTERM');
        clearTimeout(timer);
      }
      running.clear();
    },
  };
  try {
    for (const name of fleet.programs) await fleet.start(name);
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

/**
 * A port that nobody listens on, below those that the system gives to outgoing
 * connections: while the server is away, a client that tries to reach such a
 * port can be given the very same one, and then the server cannot have it back.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 30_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
