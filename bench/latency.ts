// Latency of one job on an idle server: from submitting it to its running event
// at a watcher, with the share of each hop. The server is a process of its own,
// with the embedded store (synced) and the process runtime. The peer is what no
// scheduler can beat: starting the same command straight from a program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { fromJson } from '@armada-ts/api/json';
import { connect, createQueue, submitJobs, watchJobSet } from '@armada-ts/client';
import { startStandalone } from '../test/e2e/programs.ts';

const JOBS = 200;
const WARM_UP = 20;
/** Between jobs, so that the end of one is over before the next. */
const IDLE_MS = 50;
const HOPS = ['submitted', 'leased', 'pending', 'running', 'succeeded'] as const;

/** Arrival times of one job's events, in ms after the submit was sent. */
type Arrivals = Map<string, number>;

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-'));
  const server = await startStandalone(join(directory, 'data'));
  const connection = connect({ address: server.address });
  const over = new AbortController();
  try {
    await createQueue(connection, { name: 'bench' });
    const seen = watchArrivals(connection, over.signal);
    const runs: Arrivals[] = [];
    for (let i = 0; i < WARM_UP + JOBS; i++) {
      const arrivals = await oneJob(connection, seen, i);
      if (i >= WARM_UP) runs.push(arrivals);
      await sleep(IDLE_MS);
    }
    await report(runs);
  } finally {
    over.abort();
    connection.close();
    await server.kill('SIGTERM');
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Seen = Map<string, { arrivals: Map<string, number>; changed: () => void }>;

/** Follows the job set for the whole time and notes when each event came. */
function watchArrivals(connection: ReturnType<typeof connect>, signal: AbortSignal): Seen {
  const seen: Seen = new Map();
  void (async () => {
    for await (const { body } of watchJobSet(connection, { queue: 'bench', jobSetId: 'latency', signal })) {
      const at = performance.now();
      const { jobId } = body.value;
      const job = seen.get(jobId) ?? { arrivals: new Map<string, number>(), changed: () => {} };
      seen.set(jobId, job);
      job.arrivals.set(body.$case, at);
      job.changed();
    }
  })().catch(() => {});
  return seen;
}

async function oneJob(connection: ReturnType<typeof connect>, seen: Seen, index: number): Promise<Arrivals> {
  const resources = { cpu: '100m', memory: '16Mi', 'ephemeral-storage': '16Mi' };
  const item = fromJson(
    'api.JobSubmitRequestItem',
    {
      namespace: 'default',
      podSpec: {
        containers: [
          {
            name: 'main',
            command: ['/bin/true'],
            args: [`${index}`],
            resources: { requests: resources, limits: resources },
          },
        ],
      },
    },
    { unknown: 'error' },
  ) as JobSubmitRequestItem;
  const start = performance.now();
  let jobId = '';
  for await (const answer of submitJobs(connection, { queue: 'bench', jobSetId: 'latency', items: [item] })) {
    jobId = answer.jobId;
  }
  const answered = performance.now() - start;
  const job = seen.get(jobId) ?? { arrivals: new Map<string, number>(), changed: () => {} };
  seen.set(jobId, job);
  while (!job.arrivals.has('succeeded')) {
    await new Promise<void>((resolve) => {
      job.changed = resolve;
    });
  }
  const arrivals: Arrivals = new Map([['answered', answered]]);
  for (const [kind, at] of job.arrivals) arrivals.set(kind, at - start);
  return arrivals;
}

async function report(runs: Arrivals[]): Promise<void> {
  const at = (kind: string): number[] => runs.map((arrivals) => arrivals.get(kind) ?? Number.NaN);
  console.log(`${runs.length} jobs one by one, sqlite synced, process runtime; ms`);
  console.log('hop                        p50     p99');
  line('submit answered', at('answered'));
  let before: string | undefined;
  for (const hop of HOPS) {
    const from = before;
    const took = runs.map(
      (arrivals) => (arrivals.get(hop) ?? Number.NaN) - (from ? (arrivals.get(from) ?? 0) : 0),
    );
    line(from ? `${from} -> ${hop}` : `send -> ${hop}`, took);
    before = hop;
  }
  line('send -> running', at('running'));
  const peer = await spawnTimes();
  line('peer: spawn /bin/true', peer);
  const ratio = percentile(at('running'), 0.5) / percentile(peer, 0.5);
  console.log(`ratio to the peer at p50: ${ratio.toFixed(2)}`);
}

/** Time to start and end the same command without any scheduler. */
async function spawnTimes(): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < 100; i++) {
    const start = performance.now();
    const child = spawn('/bin/true', [`${i}`], { stdio: 'ignore' });
    await once(child, 'spawn');
    await once(child, 'exit');
    times.push(performance.now() - start);
  }
  return times;
}

function line(name: string, values: number[]): void {
  const [p50, p99] = [percentile(values, 0.5), percentile(values, 0.99)];
  console.log(`${name.padEnd(24)} ${p50.toFixed(2).padStart(7)} ${p99.toFixed(2).padStart(7)}`);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
