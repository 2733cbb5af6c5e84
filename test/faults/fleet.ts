// The programs that a storm kills and starts again: one that is all, or a
// server and an executor apart. A server comes back on the address it had.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Program, startProgram } from '../e2e/programs.ts';

export interface Fleet {
  /** `host:port` of the gRPC API, for as long as the fleet lives. */
  address: string;
  /** What can be killed, by name. */
  programs: readonly string[];
  /** SIGKILL. */
  kill(program: string): Promise<void>;
  /** Starts what was killed and waits until it is up. */
  start(program: string): Promise<void>;
  /** Ends everything, politely; what does not follow is killed. */
  stop(): Promise<void>;
}

type Launch = () => Promise<Program>;

const NODES = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];
const STOP_MS = 15_000;

/** Server, scheduler and executor as one process. */
export async function startTogether(directory: string): Promise<Fleet> {
  const port = await freePort();
  return await startFleet(port, { server: () => launchServer(directory, port, NODES) });
}

/** A server without an executor of its own, and an executor apart. */
export async function startApart(directory: string): Promise<Fleet> {
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

async function startFleet(port: number, launches: Readonly<Record<string, Launch>>): Promise<Fleet> {
  const running = new Map<string, Program>();
  const fleet: Fleet = {
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

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
