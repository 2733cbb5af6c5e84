// Submitting over gRPC: server, client and peer are processes of their own that
// share the cores of this machine. Jobs differ from each other, have client ids
// never seen before and fall into 64 scheduling classes.
//
// The server runs without an executor, as if its cluster were away: the jobs are
// scheduled as far as can be (taken in, classified, judged) and stay queued, so
// that the figures are those of submitting alone. What it does after it has
// answered is waited for and counted.
//
// Peers: a bare server on the same gRPC library that decodes the same requests,
// and a bare loop that commits the same bytes to SQLite as durably.
import { connect, createQueue } from '@armada-ts/client';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startStandalone } from '../test/e2e/programs.ts';
import type { SubmitFigures, SubmitOrder } from './clients/submit.ts';
import { medians, percentile, printTable, REPEATS } from './measuring/figures.ts';
import { type LoadProcess, settledCpuMicrosOf, startLoad } from './measuring/processes.ts';
import { CLASSES, type ClientIds, createRequests, SPEC_BYTES } from './measuring/requests.ts';

const QUEUE = 'bench';

interface Case {
  name: string;
  jobs: number;
  batch: number;
  inFlight: number;
  warmUpJobs: number;
  clientIds: ClientIds;
}

const BULK: Omit<Case, 'name' | 'clientIds'> = { jobs: 50_000, batch: 500, inFlight: 8, warmUpJobs: 50_000 };
const SINGLE: Omit<Case, 'name' | 'clientIds'> = { jobs: 10_000, batch: 1, inFlight: 64, warmUpJobs: 5_000 };

const CASES: Case[] = [
  { ...BULK, name: 'batches of 500, client ids as our library makes them', clientIds: 'indexed' },
  { ...BULK, name: 'batches of 500, random client ids', clientIds: 'random' },
  { ...SINGLE, name: 'single jobs, random client ids', clientIds: 'random' },
];

type Figures = {
  'jobs/s': number;
  'server µs/job': number;
  'client µs/job': number;
  'p50 ms': number;
  'p99 ms': number;
  refused: number;
};

type Load = LoadProcess<SubmitOrder, SubmitFigures>;

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-'));
  const load: Load = startLoad(new URL('clients/submit.ts', import.meta.url));
  try {
    console.log(
      `jobs of ${SPEC_BYTES} bytes in ${CLASSES} classes, fresh client ids; medians of ${REPEATS}, µs of CPU time`,
    );
    for (const each of CASES) {
      console.log(`\n${each.jobs} jobs, ${each.name}, ${each.inFlight} requests in flight`);
      const own = await ofServer(load, each, join(directory, each.name));
      const bare = await ofBareServer(load, each);
      const commits = ofBareCommits(each, join(directory, 'bare.db'));
      printTable([
        { server: 'armada', durability: 'sqlite synced', ...own },
        { server: 'peer: bare gRPC server', durability: 'none', ...bare },
        { server: 'peer: bare commits, no server', durability: 'sqlite synced', ...commits },
      ]);
      const ratio = (peer: Figures): string => (own['jobs/s'] / peer['jobs/s']).toFixed(2);
      console.log(`ratio to the peers: ${ratio(bare)}, ${ratio(commits)}`);
    }
  } finally {
    await load.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function ofServer(load: Load, each: Case, directory: string): Promise<Figures> {
  const server = await startStandalone(directory, ['--nodes', '0']);
  try {
    const connection = connect({ address: server.address });
    await createQueue(connection, { name: QUEUE });
    connection.close();
    return await measure(load, each, { address: server.address, pid: server.process.pid ?? 0 });
  } finally {
    await server.kill('SIGTERM');
  }
}

async function ofBareServer(load: Load, each: Case): Promise<Figures> {
  const server = startLoad<object, { address: string }>(new URL('clients/bare-server.ts', import.meta.url));
  try {
    const { address } = await server.ask({});
    return await measure(load, each, { address, pid: server.pid });
  } finally {
    await server.stop();
  }
}

async function measure(load: Load, each: Case, server: { address: string; pid: number }): Promise<Figures> {
  const { batch, inFlight, clientIds } = each;
  const order = { address: server.address, queue: QUEUE, batch, inFlight, clientIds };
  await load.ask({ ...order, jobSetId: 'warm-up', jobs: each.warmUpJobs });
  const repeats: Figures[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const before = await settledCpuMicrosOf(server.pid);
    const figures = await load.ask({ ...order, jobSetId: `repeat-${repeat}`, jobs: each.jobs });
    const serverMicros = (await settledCpuMicrosOf(server.pid)) - before;
    repeats.push({
      'jobs/s': each.jobs / figures.seconds,
      'server µs/job': serverMicros / each.jobs,
      'client µs/job': figures.cpuMicros / each.jobs,
      'p50 ms': percentile(figures.latenciesMs, 0.5),
      'p99 ms': percentile(figures.latenciesMs, 0.99),
      refused: figures.refused,
    });
  }
  return medians(repeats);
}

/** The same bytes, one row for each request, with one commit that waits for the disk for all that are in flight. */
function ofBareCommits(each: Case, path: string): Figures {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; DROP TABLE IF EXISTS request');
  db.exec('CREATE TABLE request (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
  const insert = db.prepare('INSERT INTO request (bytes) VALUES (?)');
  const repeats = Array.from({ length: REPEATS }, (_, repeat): Figures => {
    const nextRequest = createRequests(QUEUE, `repeat-${repeat}`, each.clientIds);
    const requests = Array.from({ length: each.jobs / each.batch }, () => nextRequest(each.batch));
    const latenciesMs: number[] = [];
    const cpu = process.cpuUsage();
    const from = performance.now();
    for (let at = 0; at < requests.length; at += each.inFlight) {
      const started = performance.now();
      db.exec('BEGIN');
      for (const bytes of requests.slice(at, at + each.inFlight)) insert.run(bytes);
      db.exec('COMMIT');
      latenciesMs.push(performance.now() - started);
    }
    const seconds = (performance.now() - from) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return {
      'jobs/s': each.jobs / seconds,
      'server µs/job': (user + system) / each.jobs,
      'client µs/job': 0,
      'p50 ms': percentile(latenciesMs, 0.5),
      'p99 ms': percentile(latenciesMs, 0.99),
      refused: 0,
    };
  });
  db.close();
  return medians(repeats);
}
