// 5,000 watchers to whom nothing happens, each of a job set of its own, on one
// server with Redis: what they take of its memory, what they cost while they
// wait, and how many connections to Redis there are. On ten connections, and on
// one each. The server was started anew before, so that its memory is theirs; it is
// looked at as it is (with the program's own pages), and once nothing in it is
// garbage (without them).
import { JobSubmitRequest } from '@armada-ts/api/api/submit';
import { connect, createQueue, submitJobs } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../test/e2e/server.ts';
import { redisCli, type RedisServer } from '../test/store/redis.servers.ts';
import type { IdleWatchersOrder } from './clients/idle-watchers.ts';
import { printTable } from './measuring/figures.ts';
import { collectedMemory, startInspectable } from './measuring/memory.ts';
import { cpuMicrosOf, type LoadProcess, startLoad } from './measuring/processes.ts';
import { createRequests } from './measuring/requests.ts';
import { type Persistence, shownPersistence, startBenchRedis } from './measuring/redis.ts';

const WATCHERS = 5_000;
const CONNECTIONS = [10, WATCHERS];
const QUEUE = 'bench';
const SUBMITS_AT_ONCE = 50;
const PERSISTENCE: Persistence = 'everysec';
const IDLE_MS = 20_000;
const SETTLING_MS = 2_000;

export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-bench-idle-'));
  const redis = await startBenchRedis(PERSISTENCE);
  try {
    const jobSets = await fill(redis, directory);
    const rows = [];
    for (const connections of CONNECTIONS)
      rows.push(await measure(redis, directory, { jobSets, connections }));
    console.log(
      `${WATCHERS.toLocaleString('en')} idle watchers, a job set each; Redis with ${shownPersistence(PERSISTENCE)}; ` +
        `CPU in ${IDLE_MS / 1000} s, of one core`,
    );
    printTable(rows);
  } finally {
    await redis.kill();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function start(redis: RedisServer, directory: string) {
  const store = { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' } as const;
  return startInspectable(() => startServer(directory, { auth: standaloneAuth, store }));
}

/** A queued job in each of the job sets; their names. */
async function fill(redis: RedisServer, directory: string): Promise<string[]> {
  const server = await start(redis, directory);
  try {
    using connection = connect({ address: server.address });
    await createQueue(connection, { name: QUEUE });
    const jobSets = Array.from({ length: WATCHERS }, (_, i) => `set-${i}`);
    const left = jobSets.values();
    const nextRequest = createRequests(QUEUE, '');
    const submitter = async (): Promise<void> => {
      for (const jobSetId of left) {
        const { jobRequestItems } = JobSubmitRequest.decode(nextRequest(1));
        for await (const { jobId } of submitJobs(connection, {
          queue: QUEUE,
          jobSetId,
          items: jobRequestItems,
        }))
          if (jobId === '') throw new Error('a job was refused');
      }
    };
    await Promise.all(Array.from({ length: SUBMITS_AT_ONCE }, submitter));
    return jobSets;
  } finally {
    await server.kill('SIGTERM');
  }
}

async function measure(
  redis: RedisServer,
  directory: string,
  { jobSets, connections }: { jobSets: readonly string[]; connections: number },
): Promise<Record<string, string | number>> {
  const server = await start(redis, directory);
  const watchers: LoadProcess<IdleWatchersOrder, { closed: number }> = startLoad(
    new URL('clients/idle-watchers.ts', import.meta.url),
  );
  try {
    const pids = [server.process.pid ?? 0, redis.process.pid ?? 0];
    const before = residentMegabytes(pids[0] ?? 0);
    await watchers.ask({ kind: 'join', address: server.address, queue: QUEUE, jobSets, connections });
    await sleep(SETTLING_MS);
    const cpu = pids.map(cpuMicrosOf);
    await sleep(IDLE_MS);
    const [ofServer = 0, ofRedis = 0] = pids.map(
      (pid, i) => ((cpuMicrosOf(pid) - (cpu[i] ?? 0)) / 1000 / IDLE_MS) * 100,
    );
    const after = residentMegabytes(pids[0] ?? 0);
    const connected = await connectionsOf(redis);
    const { resident } = await collectedMemory(server);
    const { closed } = await watchers.ask({ kind: 'leave' });
    if (closed > 0) throw new Error(`${closed} watchers were cut off`);
    return {
      connections: connections.toLocaleString('en'),
      'MB without': before,
      'MB with': after,
      'KB each': ((after - before) * 1000) / jobSets.length,
      'MB with, collected': resident / 1e6,
      'to Redis': `${connected}`,
      'server CPU %': ofServer,
      'Redis CPU %': ofRedis,
    };
  } finally {
    await watchers.stop();
    await server.kill('SIGTERM');
  }
}

/** Memory of a process in 10^6 bytes, with the files it has mapped. */
function residentMegabytes(pid: number): number {
  const [, kibibytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kibibytes) * 1024) / 1e6;
}

/** Connections to Redis, without the one that asks. */
async function connectionsOf({ port }: RedisServer): Promise<number> {
  return Number(/connected_clients:(\d+)/.exec(await redisCli(port, 'info', 'clients'))?.[1]) - 1;
}
