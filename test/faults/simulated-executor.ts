// An executor of this checkout whose runs are pretended, as a process of its own.
import { type Program, startProgram } from '../e2e/programs.ts';
import { writeSettings } from '../e2e/server.ts';

/** How long each run takes, in milliseconds. */
const RUN_MS = 500;

/** Starts one with 200 places for jobs of a tenth of a core, and waits until it is up. */
export async function startSimulated(id: string, directory: string, address: string): Promise<Program> {
  const file = await writeSettings(directory, {
    executorId: id,
    server: { address },
    runtime: 'simulated',
    simulated: { minRunMs: RUN_MS, meanRunMs: RUN_MS, maxRunMs: RUN_MS },
    nodes: { name: id, count: 10, cpu: '2', memory: '64Gi', ephemeralStorage: '64Gi' },
  });
  const program = startProgram('executor/main.ts', ['--config', file]);
  await program.line(/executor started/);
  return program;
}
