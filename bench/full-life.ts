// Whole lives of jobs: from submit to succeeded, with a server, an executor
// whose runs are simulated, and a client, each a process of its own.
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startProgram } from '../test/e2e/programs.ts';
import { startServer, writeSettings } from '../test/e2e/server.ts';
import type { FullLifeFigures, FullLifeOrder } from './clients/full-life.ts';
import type { StoreLifeFigures, StoreLifeOrder } from './clients/store-life.ts';
import { REPEATS, medians, printTable } from './measuring/figures.ts';
import { cpuMicrosOf, settledCpuMicrosOf, startLoad } from './measuring/processes.ts';
import { CLASSES, SPEC_BYTES } from './measuring/requests.ts';

const QUEUES = ['first', 'second', 'third', 'fourth'];
const JOBS = 20_000;
const WARM_UP_JOBS = 5_000;
const BATCH = 500;
const UNFINISHED = 8_000;
const RUN_MS = { minRunMs: 50, meanRunMs: 100, maxRunMs: 500 };

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-life-'));
  const server = await startServer(directory, { auth: standaloneAuth });
  const executor = await startSimulated(join(directory, 'executor'), server.address);
  const load = startLoad<FullLifeOrder, FullLifeFigures>(new URL('clients/full-life.ts', import.meta.url));
  try {
    using connection = connect({ address: server.address });
    for (const name of QUEUES) await createQueue(connection, { name });
    const pids = { server: server.process.pid ?? 0, executor: executor.process.pid ?? 0 };
    const order = { address: server.address, queues: QUEUES, batch: BATCH, unfinished: UNFINISHED };
    await load.ask({ ...order, jobSetId: 'warm-up', jobs: WARM_UP_JOBS });
    const repeats = [];
    for (let i = 0; i < REPEATS; i++) {
      const before = { server: await settledCpuMicrosOf(pids.server), executor: cpuMicrosOf(pids.executor) };
      const { seconds, cpuMicros, events } = await load.ask({ ...order, jobSetId: `life-${i}`, jobs: JOBS });
      const serverMicros = (await settledCpuMicrosOf(pids.server)) - before.server;
      const executorMicros = cpuMicrosOf(pids.executor) - before.executor;
      repeats.push({
        'jobs/s': JOBS / seconds,
        'server µs/job': serverMicros / JOBS,
        'executor µs/job': executorMicros / JOBS,
        'client µs/job': cpuMicros / JOBS,
        'all µs/job': (serverMicros + executorMicros + cpuMicros) / JOBS,
        'events/job': events / JOBS,
      });
    }
    console.log(
      `${JOBS} jobs of ${CLASSES} classes with specs of ${SPEC_BYTES} bytes, ${QUEUES.length} queues, requests of ${BATCH}, sqlite synced; medians of ${REPEATS}`,
    );
    const ours = medians(repeats);
    const peer = await measureStore();
    printTable([
      { case: 'submit to succeeded', ...ours },
      { case: 'peer: the store alone', 'jobs/s': peer['jobs/s'], 'all µs/job': peer['all µs/job'] },
      {
        case: 'ratio',
        'jobs/s': ours['jobs/s'] / peer['jobs/s'],
        'all µs/job': ours['all µs/job'] / peer['all µs/job'],
      },
    ]);
  } finally {
    await load.stop();
    await executor.kill('SIGTERM');
    await server.kill('SIGTERM');
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The same changes to the store without anything else. */
async function measureStore() {
  const peer = startLoad<StoreLifeOrder, StoreLifeFigures>(new URL('clients/store-life.ts', import.meta.url));
  try {
    const order = { jobs: JOBS, submitBatch: BATCH, changeBatch: 100, inFlight: 4, specBytes: SPEC_BYTES };
    const repeats = [];
    for (let i = 0; i < REPEATS; i++) {
      const { seconds, cpuMicros } = await peer.ask(order);
      repeats.push({ 'jobs/s': JOBS / seconds, 'all µs/job': cpuMicros / JOBS });
    }
    return medians(repeats);
  } finally {
    await peer.stop();
  }
}

/** An executor whose runs take next to no time; its nodes have room for thousands. */
export async function startSimulated(directory: string, address: string): Promise<Program> {
  const group = { cpu: '64', memory: '512Gi', ephemeralStorage: '1000Gi', count: 100 };
  const file = await writeSettings(directory, {
    executorId: 'simulated',
    server: { address },
    runtime: 'simulated',
    simulated: RUN_MS,
    nodes: ['east', 'west'].map((zone) => ({ name: zone, labels: { zone }, ...group })),
  });
  const program = startProgram('executor/main.ts', ['--config', file]);
  await program.line(/executor started/);
  return program;
}
