// An executor of its own process whose nodes and jobs only pretend.
import { join } from 'node:path';
import { type Program, startProgram } from './programs.ts';
import { writeSettings } from './server.ts';

/** Starts it against a server and waits until it leases; `simulated` says how its runs go and `more` has further settings. */
export async function startSimulatedNodes(
  directory: string,
  address: string,
  simulated: object,
  more: object = {},
): Promise<Program> {
  const settings = await writeSettings(join(directory, 'executor'), {
    executorId: 'simulated',
    runtime: 'simulated',
    server: { address },
    nodes: { count: 20, cpu: 16, memory: '64Gi', labels: { kind: 'simulated' } },
    simulated,
    logLevel: 'info',
    ...more,
  });
  const executor = startProgram('executor/main.ts', ['--config', settings]);
  // Jobs for nodes that nobody has heard of are rejected.
  await executor.line(/leasing from the server/);
  return executor;
}
