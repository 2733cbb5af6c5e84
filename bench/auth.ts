// What it costs to say who calls: the same calls with nothing, by every scheme,
// plainly and under TLS, over gRPC and REST. The schemes take turns, so that each
// has its share of what else the machine does.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, openCallers, QUEUE } from './auth/callers.ts';
import type { AuthenticatedFigures, AuthenticatedOrder } from './clients/authenticated.ts';
import { percentile, printTable } from './measuring/figures.ts';
import { helpersOf, type LoadProcess, startLoad, threadMicrosOf } from './measuring/processes.ts';

/** Short ones, so that what else the machine does meets all alike; the first of them warm up. */
const REPEATS = 8;
/** Of the repeats, those that met the least of it. */
const QUIET_SHARE = 0.25;
const WARM_UPS = 3;
const SETTLING_MS = 50;
const AT_A_TIME = 32;
const RATE = 'calls/s';

const KINDS = [
  { name: 'the queue asked for', jobs: 0, calls: 500 },
  { name: 'submits of one job', jobs: 1, calls: 200 },
  { name: 'submits of 20 jobs', jobs: 20, calls: 60 },
] as const;

type Load = LoadProcess<AuthenticatedOrder, AuthenticatedFigures>;
type Figures = Record<string, number>;

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-auth-'));
  const load: Load = startLoad(new URL('clients/authenticated.ts', import.meta.url));
  try {
    await using callers = await openCallers(directory);
    console.log(
      `${AT_A_TIME} calls at a time, sqlite synced; the better quarter of ${REPEATS} times, µs of CPU time a call`,
    );
    for (const door of ['gRPC', 'REST'] as const) {
      for (const kind of KINDS) {
        console.log(`\n${door}, ${kind.name}`);
        await compare(load, callers.all, { door, ...kind });
      }
    }
  } finally {
    await load.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Asked = Pick<AuthenticatedOrder, 'door' | 'jobs' | 'calls'>;

async function compare(load: Load, callers: readonly Caller[], asked: Asked): Promise<void> {
  const measured = callers.map((): Figures[] => []);
  for (let repeat = -WARM_UPS; repeat < REPEATS; repeat++) {
    for (const [i, caller] of callers.entries()) {
      const figures = await ask(load, caller, asked);
      if (repeat >= 0) measured[i]?.push(figures);
    }
  }
  const rows = measured.map(quietFigures);
  const [none = {}] = rows;
  printTable(
    rows.map((row, i) => ({
      'who calls by': callers[i]?.name ?? '',
      ...row,
      'rate to none': share(row, none, RATE),
      'main thread of none': share(none, row, 'main thread µs'),
    })),
  );
}

/** The better quarter of each figure. */
function quietFigures(repeats: readonly Figures[]): Figures {
  return Object.fromEntries(
    Object.keys(repeats[0] ?? {}).map((field) => {
      const isRate = field === RATE;
      const values = repeats.map((figures) => figures[field] ?? Number.NaN);
      return [field, percentile(values, isRate ? 1 - QUIET_SHARE : QUIET_SHARE)];
    }),
  );
}

function share(of: Figures, to: Figures, field: string): number {
  return (of[field] ?? 0) / (to[field] ?? 0);
}

async function ask(load: Load, { credentials, server, tls }: Caller, asked: Asked): Promise<Figures> {
  const address = asked.door === 'gRPC' ? server.grpc : server.rest;
  const order = { ...asked, address, credentials, tls, queue: QUEUE, atATime: AT_A_TIME };
  const before = await cpuOf(server.pid);
  const { seconds, cpuMicros, latenciesMs } = await load.ask(order);
  const after = await cpuOf(server.pid);
  const perCall = (field: keyof Cpu): number => (after[field] - before[field]) / asked.calls;
  return {
    [RATE]: asked.calls / seconds,
    'main thread µs': perCall('main'),
    'server µs': perCall('all'),
    'its helpers µs': perCall('helpers'),
    'client µs': cpuMicros / asked.calls,
    'p50 ms': percentile(latenciesMs, 0.5),
  };
}

type Cpu = ReturnType<typeof threadMicrosOf> & { helpers: number };

/** Of a server that has had time to finish what it has answered. */
async function cpuOf(pid: number): Promise<Cpu> {
  await sleep(SETTLING_MS);
  const helpers = helpersOf(pid).map((helper) => threadMicrosOf(helper).all);
  return { ...threadMicrosOf(pid), helpers: helpers.reduce((sum, each) => sum + each, 0) };
}
