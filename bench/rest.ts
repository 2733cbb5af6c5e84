// The doors compared: the same single submits over gRPC, REST and Connect JSON,
// and the same events to watchers over gRPC and REST. The server and its clients
// are processes of their own on the same cores; the clients use bare connections.
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../test/e2e/server.ts';
import type { HttpSubmitFigures, HttpSubmitOrder } from './clients/http-submit.ts';
import type { SubmitFigures, SubmitOrder } from './clients/submit.ts';
import type { WatchersFigures, WatchersOrder } from './clients/watchers.ts';
import { startSimulated } from './full-life.ts';
import { medians, percentile, printTable } from './measuring/figures.ts';
import { cpuMicrosOf, type LoadProcess, settledCpuMicrosOf, startLoad } from './measuring/processes.ts';
import { SPEC_BYTES } from './measuring/requests.ts';

const REPEATS = 3;
const CALLS = 6_000;
const WARM_UP_CALLS = 6_000;
const AT_A_TIME = [64, 256];

const WATCHERS = 1_000;
const JOBS = 100;
/** Submitted, queued, leased, pending, running, succeeded. */
const EVENTS_A_JOB = 6;

interface Server {
  address: string;
  url: string;
  pid: number;
}

type Figures = Record<string, number>;

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-rest-'));
  try {
    await submits(join(directory, 'submits'));
    await events(join(directory, 'events'));
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function withServer(directory: string, use: (server: Server) => Promise<void>): Promise<void> {
  const server = await startServer(directory, { auth: standaloneAuth });
  const { address, url, process } = server;
  try {
    using connection = connect({ address });
    await createQueue(connection, { name: 'bench' });
    await use({ address, url: new URL(url).host, pid: process.pid ?? 0 });
  } finally {
    await server.kill('SIGTERM');
  }
}

type Submits = LoadProcess<HttpSubmitOrder, HttpSubmitFigures>;

const DOORS = ['gRPC', 'REST', 'Connect JSON'] as const;

async function submits(directory: string): Promise<void> {
  const load: Submits = startLoad(new URL('clients/http-submit.ts', import.meta.url));
  console.log(
    `single jobs of ${SPEC_BYTES} bytes, sqlite synced; medians of ${REPEATS} times ${CALLS}, µs of CPU time`,
  );
  try {
    await withServer(directory, async (server) => {
      for (const door of DOORS) {
        await load.ask({ ...orderFor(server, door), jobSetId: 'warm-up', calls: WARM_UP_CALLS, atATime: 64 });
      }
      for (const atATime of AT_A_TIME) await compareSubmits(load, server, atATime);
    });
  } finally {
    await load.stop();
  }
}

function orderFor({ address, url }: Server, protocol: HttpSubmitOrder['protocol']) {
  return { protocol, address: protocol === 'gRPC' ? address : url, queue: 'bench' };
}

/** Prints a row for each door, and how it compares with the first. By turns, so that each has its share of what else the machine does. */
async function compareSubmits(load: Submits, server: Server, atATime: number): Promise<void> {
  const measured = new Map<string, Figures[]>(DOORS.map((door) => [door, []]));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const door of DOORS) {
      const order = { ...orderFor(server, door), jobSetId: `${atATime}-${repeat}`, calls: CALLS, atATime };
      const before = await settledCpuMicrosOf(server.pid);
      const figures = await load.ask(order);
      const serverMicros = (await settledCpuMicrosOf(server.pid)) - before;
      measured.get(door)?.push(figuresOf(figures, serverMicros));
    }
  }
  const rows = [...measured].map(([door, repeats]) => ({ door, ...medians<Figures>(repeats) }));
  console.log(`\n${atATime} calls at a time`);
  printTable(rows);
  const [grpc, ...others] = rows as (Figures & { door: string })[];
  const ratio = (each: Figures, field: string): string =>
    ((each[field] ?? 0) / (grpc?.[field] ?? 0)).toFixed(2);
  for (const each of others) {
    console.log(
      `${each.door} to gRPC: ${ratio(each, 'submits/s')} of the submits/s, ${ratio(each, 'server µs')} times the CPU time of the server`,
    );
  }
}

function figuresOf({ seconds, cpuMicros, latenciesMs }: HttpSubmitFigures, serverMicros: number): Figures {
  return {
    'submits/s': CALLS / seconds,
    'server µs': serverMicros / CALLS,
    'client µs': cpuMicros / CALLS,
    'p50 ms': percentile(latenciesMs, 0.5),
    'p99 ms': percentile(latenciesMs, 0.99),
  };
}

type Watchers = LoadProcess<WatchersOrder, WatchersFigures>;

async function events(directory: string): Promise<void> {
  const submit = startLoad<SubmitOrder, SubmitFigures>(new URL('clients/submit.ts', import.meta.url));
  const watchers: Readonly<Record<string, Watchers>> = {
    gRPC: startLoad(new URL('clients/watchers.ts', import.meta.url)),
    REST: startLoad(new URL('clients/http-watchers.ts', import.meta.url)),
  };
  console.log(
    `\n${WATCHERS} watchers of one job set, a connection each, while ${JOBS} jobs live; medians of ${REPEATS}`,
  );
  try {
    await withServer(directory, async (server) => {
      const executor = await startSimulated(join(directory, 'executor'), server.address);
      try {
        const measured = new Map<string, Figures[]>(Object.keys(watchers).map((door) => [door, []]));
        for (let repeat = -1; repeat < REPEATS; repeat++) {
          for (const [door, load] of Object.entries(watchers)) {
            const address = door === 'gRPC' ? server.address : server.url;
            const send = (jobs: number) =>
              submit.ask({
                address: server.address,
                queue: 'bench',
                jobSetId: `${door}-${repeat}`,
                jobs,
                batch: 10,
                inFlight: 2,
              });
            const figures = await deliveries(load, send, {
              address,
              jobSetId: `${door}-${repeat}`,
              pid: server.pid,
            });
            if (repeat >= 0) measured.get(door)?.push(figures);
          }
        }
        const rows = [...measured].map(([door, repeats]) => ({ door, ...medians<Figures>(repeats) }));
        printTable(rows);
        const [grpc, rest] = rows as (Figures & { door: string })[];
        const field = 'deliveries/s';
        console.log(
          `REST to gRPC: ${((rest?.[field] ?? 0) / (grpc?.[field] ?? 0)).toFixed(2)} of the deliveries/s`,
        );
      } finally {
        await executor.kill('SIGTERM');
      }
    });
  } finally {
    for (const load of [submit, ...Object.values(watchers)]) await load.stop();
  }
}

/** From the first new event's making to its last arrival. */
async function deliveries(
  load: Watchers,
  send: (jobs: number) => Promise<unknown>,
  { address, jobSetId, pid }: { address: string; jobSetId: string; pid: number },
): Promise<Figures> {
  await send(1);
  const first = EVENTS_A_JOB;
  const order = { queue: 'bench', jobSetId, watchers: WATCHERS, connections: WATCHERS, events: first };
  await load.ask({ kind: 'join', address, ...order });
  const before = await settledCpuMicrosOf(pid);
  const from = performance.now();
  const last = first + JOBS * EVENTS_A_JOB;
  const [{ cpuMicros }] = await Promise.all([load.ask({ kind: 'count', events: last }), send(JOBS)]);
  const seconds = (performance.now() - from) / 1000;
  const serverMicros = cpuMicrosOf(pid) - before;
  const { bytes } = await load.ask({ kind: 'leave' });
  const count = (last - first) * WATCHERS;
  return {
    'deliveries/s': count / seconds,
    'server µs': serverMicros / count,
    'client µs': cpuMicros / count,
    'bytes/event': bytes.length / last,
  };
}
