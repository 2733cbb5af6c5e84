// A server that dies while it works off an operation: after its next start all
// ends as asked, and nothing is left behind.
import assert from 'node:assert/strict';
import { after, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobState } from '@armada-ts/api/api/job';
import { SubmitService } from '@armada-ts/api/api/submit';
import {
  cancelOnQueue,
  connect,
  type Connection,
  createQueue,
  deleteExecutor,
  preemptOnExecutor,
} from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { type ItemOptions, jobItem } from './items.ts';
import { startCluster } from './polling-cluster.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { eventsSoFar, eventsUntil, have, idsWith } from './watching.ts';

const JOBS = 1_500;
/** Room for them all, eight on each. */
const NODES = Array.from({ length: JOBS / 8 + 1 }, (_, n) => ({ name: `n${n}`, cpu: '8' }));

const QUEUE = 'q';
const SETS = ['one', 'two', 'three'];

/** A server that may be killed and comes back at the same address. */
interface Mortal {
  readonly address: string;
  readonly connection: Connection;
  die(): Promise<void>;
}

async function start(t: TestContext): Promise<Mortal> {
  const directory = await temporaryDirectory({ after });
  const launch = async (port: number): Promise<Standalone> =>
    await startServer(directory, { auth: standaloneAuth, grpc: { port } });
  let server = await launch(0);
  const { address } = server;
  const connection = connect({ address });
  t.after(async () => {
    connection.close();
    await server.kill('SIGKILL');
  });
  await createQueue(connection, { name: QUEUE });
  return {
    address,
    connection,
    async die() {
      await server.kill('SIGKILL');
      server = await launch(Number(address.split(':').at(-1)));
    },
  };
}

async function submit(connection: Connection, options: ItemOptions): Promise<void> {
  const jobRequestItems = Array.from({ length: JOBS / SETS.length }, () => jobItem(options));
  for (const jobSetId of SETS) {
    await connection.call(SubmitService.submitJobs, { queue: QUEUE, jobSetId, jobRequestItems });
  }
}

/** How many jobs have had such an event; each has it once. */
async function count(connection: Connection, kind: Parameters<typeof have>[0]): Promise<number> {
  let found = 0;
  for (const jobSetId of SETS) {
    const ids = idsWith(kind, await eventsSoFar(connection, { queue: QUEUE, jobSetId }));
    assert.equal(new Set(ids).size, ids.length, `${kind} twice`);
    found += ids.length;
  }
  return found;
}

/** Waits until every job has had such an event. */
async function all(connection: Connection, kind: Parameters<typeof have>[0]): Promise<void> {
  for (const jobSetId of SETS) {
    await eventsUntil(connection, { queue: QUEUE, jobSetId }, have(kind, JOBS / SETS.length), 30_000);
  }
}

/** Kills the server soon after the request was answered, and again soon after it is back. */
async function dieTwice(t: TestContext, server: Mortal, kind: Parameters<typeof have>[0]): Promise<void> {
  for (const pauseMs of [0, 20]) {
    await sleep(pauseMs);
    await server.die();
    t.diagnostic(`${await count(server.connection, kind)} of ${JOBS} were ${kind} after a death`);
  }
}

test('CancelOnQueue outlives the server that was asked', async (t) => {
  const server = await start(t);
  await submit(server.connection, {});
  await cancelOnQueue(server.connection, { name: QUEUE, states: [JobState.QUEUED] });
  const [, later] = [await dieTwice(t, server, 'cancelled'), await lateJob(server.connection)];
  await all(server.connection, 'cancelled');
  const events = await eventsSoFar(server.connection, { queue: QUEUE, jobSetId: 'late' });
  assert.deepEqual(
    events.map(({ body }) => [body.value.jobId, body.$case]),
    [
      [later, 'submitted'],
      [later, 'queued'],
    ],
    'submitted after the request',
  );
});

async function lateJob(connection: Connection): Promise<string> {
  const request = { queue: QUEUE, jobSetId: 'late', jobRequestItems: [jobItem({})] };
  const { jobResponseItems } = await connection.call(SubmitService.submitJobs, request);
  return jobResponseItems[0]?.jobId ?? '';
}

test('PreemptOnExecutor outlives the server that was asked', async (t) => {
  const server = await start(t);
  const east = startCluster(server.address, 'east', NODES);
  t.after(() => east.close());
  east.maxJobsToLease = JOBS;
  await submit(server.connection, { priorityClass: 'armada-preemptible' });
  await all(server.connection, 'leased');
  await preemptOnExecutor(server.connection, { name: 'east', queues: [QUEUE] });
  await dieTwice(t, server, 'preempted');
  await all(server.connection, 'preempted');
  await all(server.connection, 'failed');
});

test('DeleteExecutor outlives the server that was asked: its jobs run elsewhere', async (t) => {
  const server = await start(t);
  const east = startCluster(server.address, 'east', NODES);
  east.maxJobsToLease = JOBS;
  await submit(server.connection, {});
  await all(server.connection, 'leased');
  // It is gone for good; without a word of the operator that would show only after minutes.
  await east.close();
  await deleteExecutor(server.connection, 'east');
  await dieTwice(t, server, 'leaseExpired');
  await all(server.connection, 'leaseExpired');
  const west = startCluster(server.address, 'west', NODES);
  t.after(() => west.close());
  for (const jobSetId of SETS) {
    await eventsUntil(server.connection, { queue: QUEUE, jobSetId }, (events) => {
      const there = events.filter(({ body }) => body.$case === 'leased' && body.value.clusterId === 'west');
      return there.length === JOBS / SETS.length;
    });
  }
});
