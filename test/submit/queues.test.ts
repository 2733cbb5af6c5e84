import { Queue } from '@armada-ts/api/api/queue';
import {
  cordonQueue,
  createQueue,
  createQueues,
  deleteQueue,
  getQueue,
  listQueues,
  queueInfo,
  updateQueue,
  updateQueues,
} from '@armada-ts/server/submit/queues';
import { submitJobs } from '@armada-ts/server/submit/submit';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, ann, bob, jobs, openSubmit } from './setup.ts';

const queue = (name: string, more: Partial<Queue> = {}): Queue => ({
  ...Queue.create({ name, priorityFactor: 2 }),
  ...more,
});

test('queues are created once, changed whole and deleted', async (context) => {
  const deps = await openSubmit(context);
  await createQueue(deps, admin, queue('c', { labels: new Map([['k', 'v']]) }));
  await assert.rejects(createQueue(deps, admin, queue('c')), { code: 'QUEUE_EXISTS' });
  const created = await getQueue(deps, 'c');
  assert.deepEqual(created.permissions[0]?.subjects, [{ kind: 'User', name: 'root', _unknownFields: {} }]);
  assert.deepEqual(created.userOwners, []);

  await updateQueue(deps, admin, queue('c', { priorityFactor: 5, groupOwners: ['team'], cordoned: true }));
  const updated = await getQueue(deps, 'c');
  assert.deepEqual(
    [updated.priorityFactor, updated.cordoned, updated.labels.size, updated.permissions.length],
    [5, true, 0, 1],
  );
  await cordonQueue(deps, admin, 'c', false);
  assert.deepEqual({ ...(await getQueue(deps, 'c')) }, { ...updated, cordoned: false });

  await deleteQueue(deps, admin, 'c');
  for (const work of [
    getQueue(deps, 'c'),
    deleteQueue(deps, admin, 'c'),
    updateQueue(deps, admin, queue('c')),
    cordonQueue(deps, admin, 'c', true),
    queueInfo(deps, admin, 'c'),
  ]) {
    await assert.rejects(work, { code: 'QUEUE_NOT_FOUND' });
  }
});

test('a queue with live jobs is not deleted', async (context) => {
  const deps = await openSubmit(context);
  await submitJobs(deps, ann, jobs(2));
  await assert.rejects(deleteQueue(deps, admin, 'a'), {
    code: 'QUEUE_NOT_EMPTY',
    message: /has live jobs \(2\)/,
  });
  assert.equal((await getQueue(deps, 'a')).name, 'a');
});

test('every change of a queue asks for its permission and refuses what is wrong', async (context) => {
  const deps = await openSubmit(context);
  for (const work of [
    createQueue(deps, ann, queue('c')),
    updateQueue(deps, ann, queue('a')),
    deleteQueue(deps, ann, 'a'),
    cordonQueue(deps, ann, 'a', true),
    createQueues(deps, ann, [queue('c')]),
    updateQueues(deps, ann, [queue('a')]),
  ]) {
    await assert.rejects(work, { code: 'PERMISSION_DENIED' });
  }
  await assert.rejects(createQueue(deps, admin, queue('c', { priorityFactor: 0 })), {
    code: 'INVALID_REQUEST',
    message: /^priority_factor must be a finite number, 1 or more, got 0/,
  });
  await assert.rejects(updateQueue(deps, admin, queue('a', { priorityFactor: Number.NaN })), {
    code: 'INVALID_REQUEST',
  });
});

test('batches of queues answer those that were refused', async (context) => {
  const deps = await openSubmit(context);
  const { failedQueues: notCreated } = await createQueues(deps, admin, [
    queue('c'),
    queue('a'),
    queue('x y'),
    queue('c'),
  ]);
  assert.deepEqual(
    notCreated.map((failed) => failed.queue?.name),
    ['a', 'x y', 'c'],
  );
  assert.match(notCreated[0]!.error, /exists already/);
  const { failedQueues: notUpdated } = await updateQueues(deps, admin, [
    queue('nowhere'),
    queue('c', { priorityFactor: 9 }),
  ]);
  assert.deepEqual(
    notUpdated.map((failed) => failed.queue?.name),
    ['nowhere'],
  );
  assert.equal((await getQueue(deps, 'c')).priorityFactor, 9);
});

test('listQueues() sorts by name and takes a limit; queueInfo() counts live jobs for those who may watch', async (context) => {
  const deps = await openSubmit(context);
  assert.deepEqual(
    (await listQueues(deps, 0)).map(({ name }) => name),
    ['a', 'b', 'queue'],
  );
  assert.deepEqual(
    (await listQueues(deps, 2)).map(({ name }) => name),
    ['a', 'b'],
  );
  await submitJobs(deps, ann, jobs(2));
  assert.deepEqual(await queueInfo(deps, ann, 'a'), {
    name: 'a',
    activeJobSets: [{ name: 's', queuedJobs: 2, leasedJobs: 0 }],
  });
  await assert.rejects(queueInfo(deps, bob, 'a'), { code: 'PERMISSION_DENIED' });
});

test('two people changing a queue at once cannot undo each other unseen', async (context) => {
  const deps = await openSubmit(context);
  await Promise.all([
    cordonQueue(deps, admin, 'a', true),
    ...Array.from({ length: 5 }, () => cordonQueue(deps, admin, 'b', true)),
  ]);
  assert.deepEqual(
    [(await getQueue(deps, 'a')).cordoned, (await getQueue(deps, 'b')).cordoned],
    [true, true],
  );
});

test('an update creates a missing queue only where configured', async (context) => {
  const deps = await openSubmit(context, { createQueueOnUpdate: true });
  await updateQueue(deps, admin, queue('new'));
  await updateQueue(deps, admin, queue('new', { priorityFactor: 7 }));
  assert.equal((await getQueue(deps, 'new')).priorityFactor, 7);
});
