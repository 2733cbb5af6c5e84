import { LeaseStreamMessage, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import { JobState } from '@armada-ts/api/api/job';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, idOf, stored } from '../model/testing/jobs.ts';
import { cancelled } from '../model/testing/job-events.ts';
import { createAuthorizer } from '../auth/authorizer.ts';
import { standaloneAuth } from '../auth/config.ts';
import { leased, open, settled, setUp, withCancel } from './testing/stream-world.ts';
import { silentLogger } from '../base/logger.ts';
import { messagesIn } from '../base/testing/framing.ts';

test('a request is answered with stops, then leases, then the end marker, and the stream ends', async () => {
  const world = setUp();
  for (const n of [1, 2, 3]) world.put(leased(n));
  world.put(withCancel(leased(3)));
  const client = open(world);
  client.ask({ unassignedJobRunIds: ['r3'] });
  await client.done;
  assert.deepEqual(client.got, ['cancel r3', 'lease r1', 'lease r2', 'end']);
  assert.deepEqual(
    world.seen.map(({ executorId }) => executorId),
    ['cluster'],
  );
});

test('a run counts as shown on a node as well as without one', async () => {
  const world = setUp();
  for (const n of [1, 2, 3]) world.put(leased(n));
  const client = open(world);
  const node = NodeInfo.fromPartial({ name: 'node', runIdsByState: new Map([['r2', JobState.RUNNING]]) });
  client.ask({ unassignedJobRunIds: ['r1'], nodes: [node] });
  await client.done;
  assert.deepEqual(client.got, ['lease r3', 'end']);
});

test('no more is leased than the executor asks for', async () => {
  const world = setUp();
  for (const n of [1, 2, 3]) world.put(leased(n));
  for (const [maxJobsToLease, unassignedJobRunIds, expected] of [
    [0, [], ['end']],
    [2, [], ['lease r1', 'lease r2', 'end']],
    [9, ['r1', 'r2'], ['lease r3', 'end']],
  ] as const) {
    const client = open(world);
    client.ask({ maxJobsToLease, unassignedJobRunIds: [...unassignedJobRunIds] });
    await client.done;
    assert.deepEqual(client.got, expected);
  }
});

test('of the runs an executor shows, only those are stopped whose records say so', async () => {
  const world = setUp();
  // Not in any inbox: ended before this server began to follow the log.
  world.jobs.set(idOf(1), stored(after(leased(1).record!, cancelled), 2));
  world.jobs.set(idOf(2), leased(2));
  const client = open(world);
  // Nothing of it runs any more: it is shown so that its room is free.
  world.jobs.set(idOf(3), stored(after(leased(3).record!, cancelled), 2));
  const nodes = [NodeInfo.fromPartial({ name: 'node', runIdsByState: new Map([['r3', JobState.FAILED]]) })];
  client.ask({ unassignedJobRunIds: ['r1', 'r2', 'orphan'], nodes, maxJobsToLease: 0 });
  await client.done;
  assert.deepEqual(client.got, ['cancel r1', 'end']);
});

test('a push stream hears of new leases and stops at once, and is bounded by its last request', async () => {
  const world = setUp();
  const client = open(world, { push: true });
  client.ask({ maxJobsToLease: 2 });
  await settled();
  assert.deepEqual(client.got.splice(0), ['end']);
  for (const n of [1, 2, 3]) world.put(leased(n));
  await settled();
  assert.deepEqual(client.got.splice(0), ['lease r1', 'lease r2']);
  world.put(withCancel(leased(1)));
  await settled();
  assert.deepEqual(client.got.splice(0), ['cancel r1']);
  client.ask({ unassignedJobRunIds: ['r2'], maxJobsToLease: 1 });
  await settled();
  assert.deepEqual(client.got.splice(0), ['lease r3', 'end']);
  client.close();
  await client.done;
  world.put(leased(4));
  await settled();
  assert.deepEqual(client.got, [], 'nothing is sent on a stream that has ended');
});

test('answers and pushes do not mix', async () => {
  const world = setUp();
  const client = open(world, { push: true });
  world.put(leased(1));
  world.put(leased(2));
  const release = client.hold();
  client.ask();
  await settled();
  assert.deepEqual(client.got, ['lease r1', 'lease r2']);
  world.put(leased(3));
  world.put(leased(4));
  await settled();
  assert.deepEqual(client.got, ['lease r1', 'lease r2']);
  release();
  await settled();
  assert.deepEqual(client.got, ['lease r1', 'lease r2', 'end', 'lease r3', 'lease r4']);
  client.close();
  await client.done;
});

test('many leases are sent together, but not without bound', async () => {
  const world = setUp();
  const sizes: number[] = [];
  const send = async (framed: Buffer): Promise<void> => {
    sizes.push(messagesIn(framed, LeaseStreamMessage).length);
  };
  for (let i = 0; i < 1_000; i++) world.put(leased(i));
  const client = open(world, { send });
  client.ask({ maxJobsToLease: 1_000 });
  client.close();
  await client.done;
  assert.equal(sizes.pop(), 1, 'the end marker');
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    1_000,
  );
  assert(sizes.length > 1 && sizes.length < 50, `${sizes.length} pieces`);
});

test('a new push stream is told again what an earlier one may not have heard', async () => {
  const world = setUp();
  world.put(leased(1));
  for (let i = 0; i < 2; i++) {
    const client = open(world, { push: true });
    client.ask();
    client.close();
    await client.done;
    assert.deepEqual(client.got, ['lease r1', 'end']);
  }
});

test('a stream whose client takes nothing more fails, and lets go of the executor id', async () => {
  const world = setUp();
  world.put(leased(1));
  const gone = new Error('gone');
  const client = open(world, { push: true, session: 'first', send: () => Promise.reject(gone) });
  client.ask();
  await assert.rejects(client.done, gone);
  const second = { executorId: 'cluster', session: 'second', number: 1 };
  await world.deps.holders.hold(second, () => {});
});

test('a push that fails ends the stream', async () => {
  const world = setUp();
  let fails = false;
  const send = async (): Promise<void> => {
    if (fails) throw new Error('gone');
  };
  const client = open(world, { push: true, send });
  client.ask();
  await settled();
  fails = true;
  world.put(leased(1));
  await assert.rejects(client.done, { message: 'gone' });
});

test('an exchange that broke is made up for by the next one, without waiting', async () => {
  const world = setUp();
  world.put(leased(1));
  for (let i = 0; i < 2; i++) {
    const client = open(world);
    client.ask();
    await client.done;
    assert.deepEqual(client.got, ['lease r1', 'end']);
  }
});

test('a run that is being stopped is told of, and looked up, once a minute', async () => {
  const world = setUp();
  let lookUps = 0;
  const { read } = world.deps.store;
  const jobsOfRuns: typeof read.jobsOfRuns = (runIds) => {
    lookUps += runIds.length;
    return read.jobsOfRuns(runIds);
  };
  world.deps.store = { ...world.deps.store, read: { ...read, jobsOfRuns } };
  world.jobs.set(idOf(1), stored(after(leased(1).record!, cancelled), 2));
  const client = open(world, { push: true });
  const ask = async (): Promise<string[]> => {
    client.ask({ unassignedJobRunIds: ['r1', 'orphan'] });
    await settled();
    return client.got.splice(0);
  };
  assert.deepEqual(await ask(), ['cancel r1', 'end']);
  assert.deepEqual(await ask(), ['end']);
  assert.equal(lookUps, 2);
  world.nowMs = 60_000;
  assert.deepEqual(await ask(), ['cancel r1', 'end']);
  client.close();
  await client.done;
});

test('orphans are warned of when there are more of them, not with every request', async () => {
  const world = setUp();
  const counts: unknown[] = [];
  world.deps.logger = { ...silentLogger, warn: (fields) => counts.push(fields) };
  for (const unassignedJobRunIds of [['a'], ['a'], ['a', 'b'], ['b'], []]) {
    const client = open(world);
    client.ask({ unassignedJobRunIds });
    await client.done;
  }
  assert.deepEqual(counts, [
    { executor: 'cluster', count: 1, first: 'a' },
    { executor: 'cluster', count: 2, first: 'a' },
  ]);
});

test('requests that name no executor, or another one than before, are refused', async () => {
  const world = setUp();
  for (const executorId of ['', 'a\nb', 'x'.repeat(254)]) {
    const client = open(world);
    client.ask({ executorId });
    await assert.rejects(client.done, { code: 'INVALID_REQUEST' });
  }
  const client = open(world, { push: true });
  client.ask();
  client.ask({ executorId: 'another' });
  await assert.rejects(client.done, {
    code: 'INVALID_REQUEST',
    message: 'executor_id must stay "cluster" on one stream, got "another"',
  });
});

test('only who may execute jobs is served', async () => {
  const world = setUp();
  world.deps.authorizer = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
  const client = open(world);
  client.ask();
  await assert.rejects(client.done, { code: 'PERMISSION_DENIED' });
  assert.deepEqual(world.seen, []);
});

test('whoever may not be the executor is not served, and disturbs nobody who is', async () => {
  const world = setUp();
  world.put(leased(1));
  const executors = [{ users: [], groups: ['everyone'], executors: ['other-*'] }];
  world.deps.authorizer = createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth, executors });
  const client = open(world);
  client.ask();
  await assert.rejects(client.done, {
    code: 'PERMISSION_DENIED',
    message: /may not be the executor "cluster"/,
  });
  assert.deepEqual([client.got, world.seen], [[], []]);
});

test('a client that ends without asking anything is left in peace', async () => {
  const client = open(setUp());
  client.close();
  await client.done;
  assert.deepEqual(client.got, []);
});
