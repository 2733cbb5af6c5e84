// What operators do to executors and nodes through the operator port, with
// executors of their own processes: the jobs that are taken from one run on
// another, also when the server dies meanwhile.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExecutorStatus,
  FleetServiceClient,
  type ListExecutorsResponse,
  type ListNodesResponse,
} from '@armada-ts/api/armada/operator/v1/fleet';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect, type Connection, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { silentLogger } from '@armada-ts/server/base/logger';
import { systemClock } from '@armada-ts/server/base/clock';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import { credentials, Metadata } from '@grpc/grpc-js';
import { allJobSets, replay } from '../replay.ts';
import { jobItem } from './items.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { operatorOf, startServer } from './server.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';
import { eventsSoFar, eventsUntil, have, idsWith } from './watching.ts';

const SET = { queue: 'q', jobSetId: 'set' };
const REASON = 'the rack moves';

/** How runs go: on east they do not end while the test lasts. */
const FOR_EVER = { minRunMs: 600_000, meanRunMs: 600_000, maxRunMs: 600_000 };
const SHORT = { minRunMs: 50, meanRunMs: 50, maxRunMs: 50 };

type Call<Answer> = (
  client: FleetServiceClient,
  metadata: Metadata,
  done: (error: Error | null, answer: Answer) => void,
) => unknown;

/** A server that may be killed and comes back at the same address, with everything it kept. */
interface Mortal {
  readonly address: string;
  readonly directory: string;
  readonly connection: Connection;
  ask<Answer>(call: Call<Answer>): Promise<Answer>;
  die(): Promise<void>;
  stop(): Promise<void>;
}

async function start(t: TestContext): Promise<Mortal> {
  const directory = await temporaryDirectory({ after });
  const launch = async (
    port: number,
  ): Promise<{ server: Standalone; fleet: FleetServiceClient; as: Metadata }> => {
    const scheduling = { executorQuietMs: 2_000 };
    const server = await startServer(directory, { auth: standaloneAuth, grpc: { port }, scheduling });
    const { address: at, authority, authorization } = await operatorOf(server, directory);
    const as = new Metadata();
    as.set('authorization', authorization);
    return { server, fleet: new FleetServiceClient(at, credentials.createSsl(Buffer.from(authority))), as };
  };
  let life = await launch(0);
  const { address } = life.server;
  const connection = connect({ address });
  const end = async (signal: NodeJS.Signals): Promise<unknown> => {
    life.fleet.close();
    return await life.server.kill(signal);
  };
  t.after(async () => {
    connection.close();
    await end('SIGKILL');
  });
  await createQueue(connection, { name: SET.queue });
  return {
    address,
    directory,
    connection,
    ask: (call) =>
      new Promise((resolve, reject) => {
        call(life.fleet, life.as, (error, answer) => (error ? reject(error) : resolve(answer)));
      }),
    async die() {
      await end('SIGKILL');
      life = await launch(Number(address.split(':').at(-1)));
    },
    async stop() {
      connection.close();
      assert.equal(await end('SIGTERM'), 0, life.server.lines.join('\n'));
    },
  };
}

/** An executor with nodes that only pretend; `east` is never done with a run. */
async function executor(t: TestContext, server: Mortal, executorId: 'east' | 'west', count = 4) {
  const simulated = executorId === 'east' ? FOR_EVER : SHORT;
  const nodes = { name: executorId, count, cpu: 1000, memory: '64Ti' };
  const directory = join(server.directory, executorId);
  const program = await startSimulatedNodes(directory, server.address, simulated, { executorId, nodes });
  t.after(() => program.kill('SIGKILL'));
  return program;
}

async function submit(
  server: Mortal,
  count: number,
  annotations: Record<string, string> = {},
): Promise<string[]> {
  const jobRequestItems = Array.from({ length: count }, () => jobItem({ annotations }));
  const request = { ...SET, jobRequestItems };
  const { jobResponseItems } = await server.connection.call(SubmitService.submitJobs, request);
  return jobResponseItems.map(({ jobId }) => jobId);
}

const listed = (server: Mortal, name: string): Promise<ExecutorStatus | undefined> =>
  server
    .ask<ListExecutorsResponse>((fleet, as, done) =>
      fleet.listExecutors({ name, pageSize: 0, pageToken: '' }, as, done),
    )
    .then(({ executors }) => executors[0]);

const nodesOf = (server: Mortal, name: string) =>
  server
    .ask<ListNodesResponse>((fleet, as, done) =>
      fleet.listNodes({ executor: name, name: '', pageSize: 0, pageToken: '' }, as, done),
    )
    .then(({ nodes }) => nodes);

/** Asks until it is so. */
async function eventually<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  for (const end = performance.now() + 15_000; ; await sleep(50)) {
    const found = await look();
    if (isSo(found)) return found;
    assert.ok(
      performance.now() < end,
      `still ${String(JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)))}`,
    );
  }
}

/** What the store holds is what its events make. */
async function judge(server: Mortal, count: number): Promise<void> {
  await server.stop();
  const store = await openSqliteStore({
    directory: join(server.directory, 'server'),
    acknowledgement: 'local',
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    const { faults, records } = await replay(store.read, await allJobSets(store.read));
    assert.deepEqual(faults, []);
    assert.equal(records.size, count);
  } finally {
    await store.close();
  }
}

test('a server that is killed in mid-drain goes on with it: every job ends as it should, once', {
  timeout: 90_000,
}, async (t) => {
  const JOBS = 2_500;
  const server = await start(t);
  await executor(t, server, 'east');
  await submit(server, JOBS);
  await eventsUntil(server.connection, SET, have('running', JOBS), 30_000);
  await executor(t, server, 'west');
  const { runs } = await server.ask<{ runs: number }>((fleet, as, done) =>
    fleet.drainExecutor({ name: 'east', reason: REASON, letRunningFinish: false }, as, done),
  );
  assert.equal(runs, JOBS);
  for (const pauseMs of [0, 30, 150]) {
    await sleep(pauseMs);
    await server.die();
    const events = await eventsSoFar(server.connection, SET);
    t.diagnostic(`${idsWith('leaseReturned', events).length} of ${JOBS} were taken from it after a death`);
  }
  const events = await eventsUntil(server.connection, SET, have('succeeded', JOBS), 45_000);
  for (const kind of ['leaseReturned', 'succeeded'] as const) {
    const ids = idsWith(kind, events);
    assert.deepEqual([ids.length, new Set(ids).size], [JOBS, JOBS], kind);
  }
  assert.deepEqual(idsWith('failed', events), []);
  const taken = events.find(({ body }) => body.$case === 'leaseReturned')?.body.value;
  assert.partialDeepStrictEqual(taken, { reason: `Drained by operator - ${REASON}`, runAttempted: false });
  // East was told to stop what it had, and is told of as empty.
  const east = await eventually(
    () => listed(server, 'east'),
    (found) => found?.stoppingRuns === 0 && found.used.size === 0,
  );
  assert.deepEqual([east?.runs, east?.cordon?.draining, east?.cordon?.reason], [0, true, REASON]);
  await judge(server, JOBS);
});

test('a drained node is emptied, gets nothing new after a restart, and is back once it is uncordoned', {
  timeout: 60_000,
}, async (t) => {
  const server = await start(t);
  await executor(t, server, 'east', 2);
  const spread = await submit(server, 4);
  await eventsUntil(server.connection, SET, have('running', spread));
  const once = await submit(server, 1, { 'armadaproject.io/atMostOnce': 'true' });
  await eventsUntil(server.connection, SET, have('running', once));
  const before = await nodesOf(server, 'east');
  const full = before.find(({ runs }) => runs > 0);
  assert.ok(full, 'best fit fills one node');
  assert.equal(full.runs, 5);
  const place = { executor: 'east', name: full.name };
  await server.ask((fleet, as, done) =>
    fleet.drainNode({ ...place, reason: REASON, letRunningFinish: false }, as, done),
  );
  await server.die();
  const isMoved = (nodes: Awaited<ReturnType<typeof nodesOf>>): boolean =>
    nodes.some(({ name, runs }) => name !== full.name && runs === 4);
  const moved = await eventually(() => nodesOf(server, 'east'), isMoved);
  const left = moved.find(({ name }) => name === full.name);
  assert.deepEqual([left?.runs, left?.cordon?.draining], [1, true], 'what may be started only once stays');
  const later = await submit(server, 1);
  await eventsUntil(server.connection, SET, have('running', later));
  assert.equal((await nodesOf(server, 'east')).find(({ name }) => name === full.name)?.runs, 1);
  await server.ask((fleet, as, done) => fleet.uncordonNode(place, as, done));
  await server.ask((fleet, as, done) =>
    fleet.cordonNode(
      { executor: 'east', name: moved.find((one) => one !== left)!.name, reason: REASON },
      as,
      done,
    ),
  );
  const last = await submit(server, 1);
  await eventsUntil(server.connection, SET, have('running', last));
  assert.equal((await nodesOf(server, 'east')).find(({ name }) => name === full.name)?.runs, 2);
});

test('an executor is removed once it is gone, and its jobs run elsewhere', { timeout: 60_000 }, async (t) => {
  const server = await start(t);
  const east = await executor(t, server, 'east');
  const jobs = await submit(server, 20);
  await eventsUntil(server.connection, SET, have('running', jobs));
  const remove = (requeueJobs: boolean) =>
    server.ask<{ runs: number }>((fleet, as, done) =>
      fleet.removeExecutor({ name: 'east', requeueJobs }, as, done),
    );
  await assert.rejects(remove(true), /EXECUTOR_IN_USE|is alive/);
  await east.kill('SIGKILL');
  await eventually(
    () => listed(server, 'east'),
    (found) => found?.alive === false,
  );
  await assert.rejects(remove(false), /has 20 runs/);
  assert.deepEqual(await remove(true), { runs: 20 });
  await executor(t, server, 'west');
  await eventsUntil(server.connection, SET, have('succeeded', jobs), 30_000);
  await eventually(
    () => listed(server, 'east').catch((error: Error) => error.message),
    (found) => typeof found === 'string' && found.includes('no executor "east"'),
  );
  await judge(server, jobs.length);
});
