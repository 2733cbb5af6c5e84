// The store of a server that has been through everything, read back from its
// events: what they make must be what is there.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { JobState } from '@armada-ts/api/api/job';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { type JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import {
  cancelJobs,
  cancelJobSet,
  connect,
  type Connection,
  createQueue,
  reprioritizeJobs,
  reprioritizeJobSet,
} from '@armada-ts/client';
import { silentLogger } from '@armada-ts/server/base/logger';
import { systemClock } from '@armada-ts/server/base/clock';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import { allJobSets, type Replay, replay } from '../replay.ts';
import { jobItem, type ItemOptions } from './items.ts';
import { startStandalone, temporaryDirectory } from './programs.ts';
import { writeSettings } from './server.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';
import { eventsUntil, have } from './watching.ts';

const directory = await temporaryDirectory({ after });
const data = join(directory, 'data');

/** Runs are short, some fail, and some leases are given back. */
const RUNS = { minRunMs: 1, meanRunMs: 40, maxRunMs: 400, failureRatio: 0.1, leaseReturnRatio: 0.05 };

const many = (count: number, options: (index: number) => ItemOptions): JobSubmitRequestItem[] =>
  Array.from({ length: count }, (_, index) =>
    jobItem({ nodeSelector: { kind: 'simulated' }, ...options(index) }),
  );

async function submit(
  connection: Connection,
  queue: string,
  jobSetId: string,
  items: JobSubmitRequestItem[],
) {
  const answer = await connection.call(SubmitService.submitJobs, { queue, jobSetId, jobRequestItems: items });
  return answer.jobResponseItems.map(({ jobId }) => jobId);
}

/** Everything that users can do to jobs, at once, in two queues. */
async function useEverything(connection: Connection): Promise<void> {
  for (const name of ['a', 'b', 'held']) await createQueue(connection, { name, cordoned: name === 'held' });
  await Promise.all(
    ['a', 'b'].flatMap((queue) => [
      volume(connection, queue),
      cancels(connection, queue),
      moves(connection, queue),
      realJobs(connection, queue),
    ]),
  );
  await submit(
    connection,
    'held',
    'waiting',
    many(50, () => ({})),
  );
}

async function volume(connection: Connection, queue: string): Promise<void> {
  for (let part = 0; part < 4; part++) {
    const items = many(150, (i) => ({
      clientId: `${part}-${i}`,
      priority: i % 7,
      cpu: i % 3 ? '1' : '500m',
    }));
    await submit(connection, queue, 'volume', items);
  }
}

async function cancels(connection: Connection, queue: string): Promise<void> {
  const set = { queue, jobSetId: 'cancelled' };
  for (let round = 0; round < 5; round++) {
    const jobIds = await submit(
      connection,
      queue,
      set.jobSetId,
      many(60, () => ({})),
    );
    // Some are queued, some leased, some run, some have ended by then; some are cancelled twice.
    await Promise.all([
      cancelJobs(connection, { jobIds: jobIds.slice(0, 20), reason: 'once' }),
      cancelJobs(connection, { jobIds: jobIds.slice(10, 30), reason: 'twice' }),
      reprioritizeJobs(connection, { jobIds: jobIds.slice(15, 40), priority: round }),
    ]);
    if (round === 2) await cancelJobSet(connection, { ...set, states: [JobState.QUEUED] });
    if (round === 3) await cancelJobSet(connection, { ...set, states: [JobState.PENDING, JobState.RUNNING] });
    if (round === 4) await cancelJobSet(connection, { ...set, reason: 'all of it' });
  }
}

async function moves(connection: Connection, queue: string): Promise<void> {
  const jobIds = await submit(
    connection,
    queue,
    'moved',
    many(200, (i) => ({ priority: 1000 + i })),
  );
  await Promise.all([
    reprioritizeJobSet(connection, { queue, jobSetId: 'moved', priority: 3 }),
    reprioritizeJobs(connection, { jobIds, priority: 5 }),
    cancelJobs(connection, { jobIds: jobIds.slice(0, 50) }),
  ]);
}

/** Work of this machine: what ends well, what fails, what is killed, what cannot be started, what fits nowhere. */
async function realJobs(connection: Connection, queue: string): Promise<void> {
  const commands = [
    ['true'],
    ['sh', '-c', 'exit 3'],
    ['sh', '-c', 'kill -9 $$$$'],
    ['/no/such/program'],
    ['sleep', '1'],
  ];
  const here = (command: string[]): JobSubmitRequestItem =>
    jobItem({ command, cpu: '100m', nodeSelector: { 'kubernetes.io/os': process.platform } });
  const jobIds = await submit(
    connection,
    queue,
    'real',
    commands.flatMap((command) => [here(command), here(command)]),
  );
  await cancelJobs(connection, { jobIds: jobIds.slice(-1) });
  const never = [...many(20, () => ({ cpu: '17' })), ...many(1, () => ({ nodeSelector: { kind: 'none' } }))];
  await submit(connection, queue, 'never', never);
}

/** Opens the store of the stopped server and replays all that is in it. */
async function replayAll(): Promise<Replay> {
  const tools = { clock: systemClock, logger: silentLogger };
  const store = await openSqliteStore({
    directory: join(data, 'server'),
    acknowledgement: 'synced',
    ...tools,
  });
  try {
    const names = await allJobSets(store.read);
    assert.equal(names.length, 2 * 5 + 1);
    return await replay(store.read, names);
  } finally {
    await store.close();
  }
}

function countStates(records: Iterable<JobRecord>): Map<string, number> {
  const names = new Map(Object.entries(JobState).map(([name, state]) => [state as number, name]));
  const counts = new Map<string, number>();
  for (const { state } of records) {
    const name = names.get(state) ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

test('the events of every job set, replayed, give the records of the store, in the middle and at the end', async (t) => {
  await mkdir(data, { recursive: true });
  const settings = await writeSettings(directory, { scheduling: { rejectAfterMs: 0 } });
  const args = ['--nodes', '2', '--cpu', '1', '--memory', '1Gi', '--config', settings];
  let server = await startStandalone(data, args);
  t.after(() => server.kill('SIGKILL'));
  // It outlives the server.
  const executor = await startSimulatedNodes(directory, server.address, RUNS);
  t.after(() => executor.kill('SIGKILL'));
  const first = connect({ address: server.address });
  await useEverything(first);
  await eventsUntil(first, { queue: 'a', jobSetId: 'volume' }, have('succeeded', 150), 30_000);
  first.close();
  assert.equal(await server.kill('SIGTERM'), 0, server.lines.join('\n'));

  const middle = await replayAll();
  assert.deepEqual(middle.faults, []);
  const states = countStates(middle.records.values());
  for (const state of ['QUEUED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'REJECTED'])
    assert.ok(states.get(state), `no job is ${state}`);
  assert.equal(middle.records.size, 2 * (600 + 300 + 200 + 10 + 21) + 50);

  server = await startStandalone(data, [...args, '--grpc-port', server.address.split(':').at(-1) ?? '']);
  using second = connect({ address: server.address });
  for (const queue of ['a', 'b']) {
    for (const jobSetId of ['volume', 'cancelled', 'moved', 'real', 'never']) {
      const jobs = [...middle.records.values()].filter(
        (one) => one.queue === queue && one.jobSet === jobSetId,
      );
      await eventsUntil(
        second,
        { queue, jobSetId },
        (events) => {
          const ended = events.filter(({ body }) =>
            ['succeeded', 'failed', 'cancelled'].includes(body.$case),
          );
          return ended.length >= jobs.length;
        },
        30_000,
      );
    }
  }
  assert.equal(await server.kill('SIGTERM'), 0);
  const end = await replayAll();
  assert.deepEqual(end.faults, []);
  assert.deepEqual(countStates(end.records.values()).get('QUEUED'), 50, 'those of the cordoned queue');
  const attempts = [...end.records.values()].map(({ runs }) => runs.length);
  assert.ok(Math.max(...attempts) >= 2, 'leases were given back');
});
