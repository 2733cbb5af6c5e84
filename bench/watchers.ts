// A thousand watchers of one job set while its jobs live and end: how many
// events a second reach them. The jobs are submitted a few at a time, so most
// events come in small portions, as they do in life. The peer is a bare HTTP/2
// server that writes the same bytes to as many streams.
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../test/e2e/server.ts';
import type { BareStreamsOrder } from './clients/bare-streams.ts';
import type { SubmitFigures, SubmitOrder } from './clients/submit.ts';
import type { WatchersFigures, WatchersOrder } from './clients/watchers.ts';
import { startSimulated } from './full-life.ts';
import { REPEATS, medians, printTable } from './measuring/figures.ts';
import { type LoadProcess, cpuMicrosOf, settledCpuMicrosOf, startLoad } from './measuring/processes.ts';
import { CLASSES, SPEC_BYTES } from './measuring/requests.ts';

const WATCHERS = 1_000;
const JOBS = 250;
const BATCH = 10;
const IN_FLIGHT = 2;
/** Submitted, queued, leased, pending, running, succeeded. */
const EVENTS_A_JOB = 6;
const CONNECTIONS = [10, 1_000];
/** The peer takes long. */
const PEER_REPEATS = 3;

type Watchers = LoadProcess<WatchersOrder, WatchersFigures>;

interface Figures extends Record<string, number> {
  'deliveries/s': number;
  'server µs/delivery': number;
  'client µs/delivery': number;
}

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-watch-'));
  const server = await startServer(directory, { auth: standaloneAuth });
  const executor = await startSimulated(join(directory, 'executor'), server.address);
  const submit = startLoad<SubmitOrder, SubmitFigures>(new URL('clients/submit.ts', import.meta.url));
  const watchers: Watchers = startLoad(new URL('clients/watchers.ts', import.meta.url));
  const bare = startLoad<BareStreamsOrder, { address: string }>(
    new URL('clients/bare-streams.ts', import.meta.url),
  );
  try {
    using connection = connect({ address: server.address });
    await createQueue(connection, { name: 'bench' });
    const rows = [];
    for (const connections of CONNECTIONS) {
      const life = async (jobSetId: string): Promise<Lived> => {
        const order = { address: server.address, queue: 'bench', jobSetId };
        const send = (jobs: number) => submit.ask({ ...order, jobs, batch: BATCH, inFlight: IN_FLIGHT });
        await send(1);
        const first = EVENTS_A_JOB;
        await watchers.ask({ kind: 'join', ...order, watchers: WATCHERS, connections, events: first });
        const events = first + JOBS * EVENTS_A_JOB;
        const pid = server.process.pid ?? 0;
        return await timed({ watchers, pid, count: () => send(JOBS), events, first });
      };
      await life(`warm-up-${connections}`);
      const repeats: Lived[] = [];
      for (let i = 0; i < REPEATS; i++) repeats.push(await life(`set-${connections}-${i}`));
      const bytes = repeats.at(-1)?.bytes ?? new Uint8Array();
      const peer = await measurePeer(bare, watchers, { connections, bytes });
      const ours = medians(repeats.map(({ figures }) => figures));
      rows.push({ case: `${connections} connections`, ...ours });
      rows.push({ case: '  peer: bare HTTP/2, one event a write', ...peer });
      rows.push({ case: '  ratio', 'deliveries/s': ours['deliveries/s'] / peer['deliveries/s'] });
    }
    const jobs = `${JOBS} jobs of ${CLASSES} classes with specs of ${SPEC_BYTES} bytes, requests of ${BATCH}`;
    console.log(
      `${WATCHERS} watchers; ${jobs}, sqlite synced; medians of ${REPEATS}, of the peer ${PEER_REPEATS}`,
    );
    printTable(rows);
  } finally {
    for (const load of [submit, watchers, bare]) await load.stop();
    await executor.kill('SIGTERM');
    await server.kill('SIGTERM');
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Lived {
  figures: Figures;
  bytes: Uint8Array;
}

interface Timing {
  watchers: Watchers;
  /** Of the server. */
  pid: number;
  /** Makes the events. */
  count: () => Promise<unknown>;
  /** Events of each stream at the end, and before it begins. */
  events: number;
  first: number;
}

/** From the first new event's making to its last arrival. */
async function timed({ watchers, pid, count, events, first }: Timing): Promise<Lived> {
  const before = await settledCpuMicrosOf(pid);
  const from = performance.now();
  const [{ cpuMicros }] = await Promise.all([watchers.ask({ kind: 'count', events }), count()]);
  const seconds = (performance.now() - from) / 1000;
  const serverMicros = cpuMicrosOf(pid) - before;
  const { bytes } = await watchers.ask({ kind: 'leave' });
  const deliveries = (events - first) * WATCHERS;
  return {
    bytes,
    figures: {
      'deliveries/s': deliveries / seconds,
      'server µs/delivery': serverMicros / deliveries,
      'client µs/delivery': cpuMicros / deliveries,
      'bytes/event': bytes.length / events,
    },
  };
}

/** The same bytes to as many streams, without anything that makes them. */
async function measurePeer(
  bare: LoadProcess<BareStreamsOrder, { address: string }>,
  watchers: Watchers,
  { connections, bytes }: { connections: number; bytes: Uint8Array },
): Promise<Figures> {
  const events = EVENTS_A_JOB * (JOBS + 1);
  const repeats: Lived[] = [];
  for (let i = 0; i < PEER_REPEATS; i++) {
    const { address } = await bare.ask({ kind: 'offer', bytes, first: EVENTS_A_JOB });
    const order = { address, queue: '', jobSetId: '', watchers: WATCHERS, connections };
    await watchers.ask({ kind: 'join', ...order, events: EVENTS_A_JOB });
    const count = () => bare.ask({ kind: 'send' });
    repeats.push(await timed({ watchers, pid: bare.pid, count, events, first: EVENTS_A_JOB }));
  }
  return medians(repeats.map(({ figures }) => figures));
}
