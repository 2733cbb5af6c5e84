// A server with an executor of its own that pretends, and jobs in its queues
// that it has no room for.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeFile } from 'node:fs/promises';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import type { ConfigInput } from '@armada-ts/server/config';
import { connect, type Connection, createQueue } from '@armada-ts/client';
import { type Program, type Standalone, startProgram } from '../../test/e2e/programs.ts';
import { startServer } from '../../test/e2e/server.ts';
import type { RedisServer } from '../../test/store/redis.servers.ts';
import type { SubmitFigures, SubmitOrder } from '../clients/submit.ts';
import { startInspectable } from '../measuring/memory.ts';
import { type LoadProcess, startLoad } from '../measuring/processes.ts';
import { type Persistence, shownPersistence, startBenchRedis } from '../measuring/redis.ts';

export const QUEUES = ['red', 'green', 'blue', 'black'];
/** The first by name: it goes first where two would hold as much. */
export const PROBES = 'a-probe';
const JOBS_A_SET = 10_000;
const DAY_MS = 86_400_000;
const START_TIMEOUT_MS = 120_000;

/** Which engine keeps the jobs. */
export type Engine = 'sqlite' | 'redis';

const PERSISTENCE: Persistence = 'everysec';

export interface World extends AsyncDisposable {
  /** Where the jobs are kept, for people. */
  store: string;
  redis: RedisServer | undefined;
  server: Standalone;
  connection: Connection;
  load: LoadProcess<SubmitOrder, SubmitFigures>;
  /** Jobs that are queued for good. */
  queued: number;
  restartServer(): Promise<void>;
  stopServer(): Promise<void>;
}

export async function startWorld(engine: Engine): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-depth-'));
  const redis = engine === 'redis' ? await startBenchRedis(PERSISTENCE) : undefined;
  const settings: ConfigInput = {
    auth: standaloneAuth,
    ...(redis && { store: { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' } }),
  };
  const load: World['load'] = startLoad(new URL('../clients/submit.ts', import.meta.url));
  const server = await inspectableServer(directory, settings);
  let executor = await startSimulator(directory, server.address);
  const world: World = {
    store: redis ? `Redis with ${shownPersistence(PERSISTENCE)}` : 'sqlite synced',
    redis,
    server,
    connection: connect({ address: server.address }),
    load,
    queued: 0,
    async restartServer() {
      world.server = await inspectableServer(directory, settings);
      world.connection = connect({ address: world.server.address });
      executor = await startSimulator(directory, world.server.address);
    },
    async stopServer() {
      world.connection.close();
      await executor.kill('SIGTERM');
      await world.server.kill('SIGTERM');
    },
    async [Symbol.asyncDispose]() {
      await world.stopServer();
      await load.stop();
      await redis?.kill();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  for (const name of [...QUEUES, PROBES]) await createQueue(world.connection, { name });
  return world;
}

function inspectableServer(directory: string, settings: ConfigInput): Promise<Standalone> {
  return startInspectable(() => startServer(directory, settings, START_TIMEOUT_MS));
}

/** Two nodes that each take one of the queued jobs, for good, and one for small jobs. */
async function startSimulator(directory: string, address: string): Promise<Program> {
  const slot = { cpu: '4', memory: '2Gi', ephemeralStorage: '1500Mi' };
  const settings = {
    executorId: 'simulator',
    runtime: 'simulated',
    dataDirectory: join(directory, 'executor'),
    server: { address },
    simulated: { minRunMs: DAY_MS, meanRunMs: DAY_MS, maxRunMs: DAY_MS },
    nodes: [
      { name: 'east', labels: { zone: 'east' }, ...slot },
      { name: 'west', labels: { zone: 'west' }, ...slot },
      { name: 'small', cpu: '1', memory: '1Gi', ephemeralStorage: '500Mi' },
    ],
  };
  const file = join(directory, 'executor.yaml');
  await writeFile(file, stringify(settings));
  const program = startProgram('executor/main.ts', ['--config', file]);
  await program.line(/executor started/);
  return program;
}

/** Submits jobs to all queues until so many are queued. */
export async function fill(world: World, jobs: number): Promise<{ seconds: number }> {
  const from = performance.now();
  for (let set = Math.ceil(world.queued / JOBS_A_SET); world.queued < jobs; set++) {
    const left = jobs - world.queued;
    if (set === 0) {
      for (const queue of QUEUES) await submit(world, queue, 'set-0', left / QUEUES.length);
      continue;
    }
    await submit(world, QUEUES[set % QUEUES.length] ?? '', `set-${set}`, Math.min(left, JOBS_A_SET));
  }
  return { seconds: (performance.now() - from) / 1000 };
}

async function submit(world: World, queue: string, jobSetId: string, jobs: number): Promise<void> {
  await submitMany(world, { queue, jobSetId, jobs });
  world.queued += jobs;
}

/** Submits jobs in batches, as fast as the server takes them. */
export async function submitMany(
  { load, server }: World,
  order: Pick<SubmitOrder, 'queue' | 'jobSetId' | 'jobs'>,
): Promise<void> {
  await load.ask({ ...order, address: server.address, batch: 500, inFlight: 4 });
}
