// Several servers on one Redis, as processes of their own, and an executor that knows them all.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { type Connection, connect, type JobSetEvent } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { createDirectory, type RedisServer, startRedis } from '../store/redis.servers.ts';
import { jobItem } from './items.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';
import { queueOf } from './users.ts';

export const SET = { queue: 'q1', jobSetId: 'takeover' };

/** A server and a client of it alone. */
export interface GroupServer extends Standalone {
  name: string;
  connection: Connection;
  /** Terms in which it has led, in order. */
  terms: () => number[];
}

export interface ServerGroup {
  redis: RedisServer;
  servers: GroupServer[];
  /** @param port of gRPC; any free one when left out */
  start(name: string, port?: number): Promise<GroupServer>;
}

/** In memory: what is tested here is who takes over, not what outlives a power cut. */
const IN_MEMORY = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning'];

/** Starts servers called `s1`, `s2`... one after another, so that the first leads, and an executor. */
export async function startGroup(t: TestContext, count: number, runMs = 20): Promise<ServerGroup> {
  const directory = await temporaryDirectory(t);
  const redis = await startRedis(await createDirectory(), IN_MEMORY);
  t.after(() => redis.kill());
  const group: ServerGroup = {
    redis,
    servers: [],
    async start(name, port = 0) {
      const settings = {
        auth: standaloneAuth,
        name,
        logLevel: 'info' as const,
        grpc: { port },
        store: { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' as const },
      };
      const program = await startServer(join(directory, name), settings);
      const connection = connect({ address: program.address });
      t.after(async () => {
        connection.close();
        program.process.kill('SIGCONT');
        await program.kill('SIGKILL');
      });
      const server = { ...program, name, connection, terms: () => termsIn(program.lines) };
      group.servers.push(server);
      return server;
    },
  };
  for (let n = 1; n <= count; n++) {
    const server = await group.start(`s${n}`);
    if (n === 1) await server.line(/this server leads/);
    else await ready(server);
  }
  const [first] = group.servers;
  await first!.connection.call(QueueServiceService.createQueue, queueOf(SET.queue));
  const addresses = group.servers.map(({ address }) => address).join(',');
  const executor = await startSimulatedNodes(directory, addresses, {
    minRunMs: runMs,
    meanRunMs: runMs,
    maxRunMs: runMs,
  });
  t.after(() => executor.kill('SIGKILL'));
  return group;
}

/** Waits until a server leads or follows. */
export async function ready({ url }: Standalone): Promise<void> {
  while (!(await fetch(`${url}/health`).catch(() => undefined))?.ok) await sleep(20);
}

function termsIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => {
    const found = /"term":(\d+),"msg":"this server leads"/.exec(line);
    return found ? [Number(found[1])] : [];
  });
}

/** Submits jobs, one after another, until it is stopped; each to the next server that takes it. */
export function keepSubmitting(servers: readonly GroupServer[], everyMs: number) {
  const ids: string[] = [];
  let isOver = false;
  const submitting = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const server = servers[turn % servers.length]!;
      const id = await submitJob(server, `${turn}`, 2_000).catch(() => undefined);
      if (id !== undefined) ids.push(id);
      await sleep(everyMs);
    }
  })();
  return {
    /** Ids of all jobs so far. */
    ids,
    async stop() {
      isOver = true;
      await submitting;
      return ids;
    },
  };
}

export async function submitJob(
  { connection }: GroupServer,
  clientId: string,
  timeoutMs = 10_000,
): Promise<string> {
  const request = { ...SET, jobRequestItems: [jobItem({ clientId })] };
  const answer = await connection.call(SubmitService.submitJobs, request, { timeoutMs, retryForMs: 0 });
  return answer.jobResponseItems[0]?.jobId ?? '';
}

/** Runs that were leased, by job. */
export function leasesIn(events: readonly JobSetEvent[]): Map<string, number> {
  const leases = new Map<string, number>();
  for (const { body } of events) {
    if (body.$case === 'leased') leases.set(body.value.jobId, (leases.get(body.value.jobId) ?? 0) + 1);
  }
  return leases;
}
