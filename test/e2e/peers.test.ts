// What servers of one store ask of each other: several real ones on one Redis,
// real executors, and every answer asked for at the server that has it not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ExecutorApiClient,
  LeaseRequest,
  type LeaseStreamMessage,
} from '@armada-ts/api/executorapi/executorapi';
import { PeerServiceService } from '@armada-ts/api/armada/server/v1/peers';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { type Connection, connect } from '@armada-ts/client';
import { readLog } from '@armada-ts/client/logs';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import type { ConfigInput } from '@armada-ts/server/config';
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { type AnyMethod, call } from './calls.ts';
import { jobItem } from './items.ts';
import { type Program, type Standalone, startProgram, temporaryDirectory } from './programs.ts';
import { startServer, writeSettings } from './server.ts';
import { queueOf } from './users.ts';
import { eventsUntil, have } from './watching.ts';

const SET = { queue: 'q1', jobSetId: 'peers' };

interface Servers {
  directory: string;
  /** The one that leads at first. */
  leader: Standalone;
  follower: Standalone;
  asLeader: Connection;
  asFollower: Connection;
}

/** Two servers on a Redis of their own that keeps nothing on disk. @param ofLeader further settings of the first */
async function startServers(t: TestContext, ofLeader: Partial<ConfigInput> = {}): Promise<Servers> {
  const directory = await temporaryDirectory(t);
  const settings = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  const redis = await startRedis(await createDirectory(), settings);
  t.after(() => redis.kill());
  const url = `redis://127.0.0.1:${redis.port}`;
  const launch = async (name: string, more: Partial<ConfigInput>): Promise<[Standalone, Connection]> => {
    const server = await startServer(join(directory, name), {
      auth: standaloneAuth,
      logLevel: 'info',
      name,
      store: { url, acknowledgement: 'local' },
      ...more,
    });
    const connection = connect({ address: server.address });
    t.after(async () => {
      connection.close();
      await server.kill('SIGKILL');
    });
    return [server, connection];
  };
  const [leader, asLeader] = await launch('first', ofLeader);
  await leader.line(/this server leads/);
  const [follower, asFollower] = await launch('second', {});
  await asLeader.call(QueueServiceService.createQueue, queueOf(SET.queue));
  return { directory, leader, follower, asLeader, asFollower };
}

/** An executor of its own process that runs commands; `name` tells processes apart that have the same id. */
async function startExecutor(
  t: TestContext,
  { directory, name, address }: { directory: string; name: string; address: string },
): Promise<Program> {
  const settings = await writeSettings(join(directory, name), {
    executorId: 'east',
    runtime: 'process',
    dataDirectory: join(directory, name, 'data'),
    server: { address },
    nodes: { count: 1, cpu: 8, memory: '16Gi' },
    // What is known of it is known by what it showed at first.
    lease: { heartbeatMs: 30_000 },
    logLevel: 'info',
  });
  const executor = startProgram('executor/main.ts', ['--config', settings]);
  t.after(() => executor.kill('SIGKILL'));
  return executor;
}

async function submit(connection: Connection, command: string[]): Promise<string> {
  const answer = await connection.call(SubmitService.submitJobs, {
    ...SET,
    jobRequestItems: [jobItem({ command })],
  });
  return answer.jobResponseItems[0]?.jobId ?? '';
}

async function output(connection: Connection, jobId: string, follow = false): Promise<string> {
  let text = '';
  for await (const { data } of readLog(connection, { jobId, follow })) text += Buffer.from(data).toString();
  return text;
}

describe('servers of one store', { concurrency: 2 }, () => {
  test('an executor counts wherever it is connected, and is known to a new leader at once', async (t) => {
    const { directory, leader, follower, asLeader, asFollower } = await startServers(t);
    const executor = await startExecutor(t, { directory, name: 'executor', address: follower.address });
    await executor.line(/leasing from the server/);
    const first = await submit(asLeader, ['true']);
    await eventsUntil(asLeader, SET, have('succeeded', [first]));

    await leader.kill('SIGKILL');
    const killedMs = Date.now();
    const second = await submit(asFollower, ['true']);
    await eventsUntil(asFollower, SET, have('succeeded', [second]), 20_000);
    // The executor itself says nothing new before its next sign of life.
    assert.ok(Date.now() - killedMs < 20_000, `${Date.now() - killedMs} ms`);
  });

  test('a log is read through any server, and goes on when the one dies that the executor is connected to', async (t) => {
    const { directory, leader, follower, asLeader, asFollower } = await startServers(t);
    const address = `${follower.address},${leader.address}`;
    const executor = await startExecutor(t, { directory, name: 'executor', address });
    await executor.line(/leasing from the server/);
    const short = await submit(asLeader, ['sh', '-c', 'echo short']);
    const count = 'for i in $(seq 1 60); do echo line $i; sleep 0.1; done';
    const long = await submit(asLeader, ['sh', '-c', count]);
    await eventsUntil(asLeader, SET, have('succeeded', [short]));
    assert.equal(await output(asLeader, short), 'short\n');
    assert.equal(await output(asFollower, short), 'short\n');

    await eventsUntil(asLeader, SET, have('running', [long]));
    const following = output(asLeader, long, true);
    await sleep(1_500);
    await follower.kill('SIGKILL');
    const lines = Array.from({ length: 60 }, (_, index) => `line ${index + 1}\n`);
    assert.equal(await following, lines.join(''));
    await eventsUntil(asLeader, SET, have('succeeded', [long]));
  });

  test('a second process with the same executor id is refused at any server, until the first is gone', async (t) => {
    const { directory, leader, follower } = await startServers(t);
    const first = await startExecutor(t, { directory, name: 'one', address: leader.address });
    await first.line(/leasing from the server/);
    const second = await startExecutor(t, { directory, name: 'two', address: follower.address });
    await second.line(/executor id \\?"east\\?" is held by another running executor/);
    await first.kill('SIGKILL');
    await second.line(/leasing from the server/);
  });

  test('a process that opens a stream at another server is taken at once, and the older stream ends', async (t) => {
    const { leader, follower } = await startServers(t);
    const clients = [leader, follower].map(
      ({ address }) => new ExecutorApiClient(address, credentials.createInsecure()),
    );
    t.after(() => clients.forEach((client) => client.close()));
    let older: LeaseCall | undefined;
    for (let number = 1; number <= 6; number++) {
      const startMs = performance.now();
      const stream = lease(clients[number % 2]!, 'process', number);
      assert.equal(await stream.first, 'end');
      assert.ok(performance.now() - startMs < 2_000, `${performance.now() - startMs} ms`);
      if (older) assert.equal((await older.error).code, 14);
      older = stream;
    }
    const outdated = lease(clients[1]!, 'process', 3);
    assert.equal((await outdated.error).code, 14);
    const other = lease(clients[1]!, 'another', 1);
    assert.equal((await other.error).code, 6);

    // One that stands still, and is not known to, delays nobody for long.
    follower.process.kill('SIGSTOP');
    const startMs = performance.now();
    const late = lease(clients[0]!, 'process', 7);
    assert.equal(await late.first, 'end');
    const tookMs = performance.now() - startMs;
    t.diagnostic(`a stream was opened in ${tookMs.toFixed()} ms although a server stood still`);
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    follower.process.kill('SIGCONT');
    late.call.cancel();
    older?.call.cancel();
  });

  test('an executor leaves a server that cannot reach the leader, and gets work', async (t) => {
    const { directory, leader, follower, asLeader } = await startServers(t, {
      advertisedAddress: '127.0.0.1:1',
    });
    const address = `${follower.address},${leader.address}`;
    await startExecutor(t, { directory, name: 'executor', address });
    const job = await submit(asLeader, ['true']);
    await eventsUntil(asLeader, SET, have('succeeded', [job]), 60_000);
    await follower.line(/another server does not answer at its address/);
  });

  test('nobody passes for a server', async (t) => {
    const { leader } = await startServers(t);
    const client = new Client(leader.address, credentials.createInsecure());
    t.after(() => client.close());
    const metadata = new Metadata();
    metadata.set('armada-peer', `a.${Date.now() + 60_000}.${'A'.repeat(43)}`);
    for (const method of Object.values(PeerServiceService) as unknown as AnyMethod[]) {
      const empty = { ...method, requestSerialize: () => Buffer.alloc(0) };
      assert.equal((await call(client, empty, {})).code, 'PERMISSION_DENIED');
      const { code, error } = await call(client, empty, {}, metadata);
      assert.deepEqual([code, error?.message], ['UNAUTHENTICATED', 'the token is of no server']);
    }
  });
});

interface LeaseCall {
  call: ClientDuplexStream<LeaseRequest, LeaseStreamMessage>;
  /** Kind of the first message. */
  first: Promise<string | undefined>;
  error: Promise<ServiceError>;
}

/** A lease stream as our executors open it, with one request. */
function lease(client: ExecutorApiClient, session: string, number: number): LeaseCall {
  const metadata = new Metadata();
  metadata.set('armada-lease', 'push');
  metadata.set('armada-session', session);
  metadata.set('armada-stream', String(number));
  const opened = client.leaseJobRuns(metadata);
  const first = new Promise<string | undefined>((resolve) => {
    opened.once('data', ({ event }: LeaseStreamMessage) => resolve(event?.$case));
  });
  const error = new Promise<ServiceError>((resolve) => opened.once('error', resolve));
  opened.write(LeaseRequest.create({ executorId: 'west', pool: 'default', maxJobsToLease: 10 }));
  return { call: opened, first, error };
}
