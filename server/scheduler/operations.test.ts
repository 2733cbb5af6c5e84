import { JobState } from '@armada-ts/api/api/job';
import type { Operation } from '@armada-ts/api/armada/store/v1/store';
import { JobState as FilterState } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from '../model/instant.ts';
import { packWhole } from '../store/testing/packed-jobs.ts';
import {
  EPOCH_MS,
  type World,
  classOf,
  createWorld,
  decidedFor,
  deliver,
  loadAll,
  newScheduler,
  node,
  open,
  queue,
  settle,
  show,
  stateOf,
  submit,
  submitMany,
  write,
} from './testing/world.ts';

function cancelSet(world: World, states: FilterState[] = []): Operation['event'] {
  return {
    event: { $case: 'cancelJobSet', value: { states, reason: 'enough' } },
    created: timestampOf(EPOCH_MS + world.nowMs),
  };
}

function reprioritiseSet(priority: number): Operation['event'] {
  return { event: { $case: 'reprioritiseJobSet', value: { priority } }, created: timestampOf(EPOCH_MS) };
}

function closedIds(world: World): string[] {
  return world.log.flatMap((entry) => entry.closed);
}

test('cancelling a job set ends its jobs, says who and why, and is closed last', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const ids = submitMany(world, 20);
  const other = submit(world, { jobSet: 'other' });
  await settle(world);
  open(world, { id: 'op', event: cancelSet(world) });
  await settle(world);
  assert.ok(ids.every((id) => stateOf(world, id) === JobState.CANCELLED));
  assert.notEqual(stateOf(world, other), JobState.CANCELLED);
  assert.deepEqual(closedIds(world), ['op']);
  assert.deepEqual(world.log.at(-1)?.closed, ['op']);
  assert.deepEqual(decidedFor(world, ids[0]!), ['jobRunLeased', 'jobRunCancelled', 'cancelledJob']);
  assert.deepEqual(decidedFor(world, ids[19]!), ['cancelledJob']);
  const last = world.decided.at(-1)?.event.event;
  assert.ok(last?.$case === 'cancelledJob');
  assert.equal(last.value.requestor, 'carol');
  assert.equal(last.value.reason, 'enough');
});

test('cancelling a job set can mean only the jobs in some states', async () => {
  for (const [states, expected] of [
    [[FilterState.QUEUED], [JobState.LEASED, JobState.CANCELLED]],
    [[FilterState.RUNNING], [JobState.CANCELLED, JobState.QUEUED]],
    [[FilterState.PENDING], [JobState.CANCELLED, JobState.QUEUED]],
  ] as const) {
    const world = createWorld();
    queue(world, 'q');
    show(world);
    const ids = [submit(world, { cpu: 8 }), submit(world, { cpu: 8 })];
    await settle(world);
    open(world, { id: 'op', event: cancelSet(world, [...states]) });
    await settle(world);
    assert.deepEqual(
      ids.map((id) => stateOf(world, id)),
      expected,
    );
    assert.deepEqual(closedIds(world), ['op']);
  }
});

test('jobs submitted after the request are not meant', async () => {
  const world = createWorld();
  queue(world, 'q');
  const before = submit(world);
  open(world, { id: 'op', event: cancelSet(world) });
  const after = submit(world);
  await settle(world);
  assert.equal(stateOf(world, before), JobState.CANCELLED);
  assert.equal(stateOf(world, after), JobState.QUEUED);
});

test('a new leader goes on with an open operation, and means the same jobs', async () => {
  const world = createWorld();
  queue(world, 'q');
  const before = submit(world);
  world.nowMs += 10;
  open(world, { id: 'op', event: cancelSet(world) });
  world.nowMs += 10;
  const after = submit(world);
  // The earlier leader never got to it; both jobs have changed since.
  for (const id of [before, after]) {
    write(world, id, { $case: 'reprioritiseJob', value: { jobId: id, priority: 7 } });
  }
  world.scheduler = newScheduler(world);
  loadAll(world, world.scheduler, [classOf({})]);
  await settle(world);
  assert.equal(stateOf(world, before), JobState.CANCELLED);
  assert.equal(stateOf(world, after), JobState.QUEUED);
  assert.deepEqual(closedIds(world), ['op']);
});

test('an operation waits for decisions on their way, and derives overtaken ones again', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  world.isHeld = true;
  const ids = submitMany(world, 2);
  await settle(world);
  open(world, { id: 'op', event: cancelSet(world) });
  await settle(world);
  assert.deepEqual(closedIds(world), []);
  await deliver(world);
  assert.ok(ids.every((id) => stateOf(world, id) === JobState.CANCELLED));
  assert.deepEqual(decidedFor(world, ids[0]!), ['jobRunLeased', 'jobRunCancelled', 'cancelledJob']);

  const [third] = submitMany(world, 1, { cpu: 9 });
  open(world, { id: 'op2', event: reprioritiseSet(3) });
  world.isHeld = true;
  world.scheduler.tick();
  write(world, third!, { $case: 'reprioritiseJob', value: { jobId: third!, priority: 5 } });
  await deliver(world);
  await settle(world);
  assert.deepEqual(closedIds(world), ['op', 'op2']);
});

test('reprioritising a job set changes the order of its jobs', async () => {
  const world = createWorld();
  queue(world, 'q');
  const first = submit(world, { cpu: 8, priority: 1 });
  const second = submit(world, { cpu: 8, jobSet: 'urgent', priority: 5 });
  open(world, { id: 'op', jobSet: 'urgent', event: reprioritiseSet(0) });
  await settle(world);
  assert.deepEqual(decidedFor(world, second), ['reprioritisedJob']);
  assert.deepEqual(closedIds(world), ['op']);
  show(world);
  await settle(world);
  assert.equal(stateOf(world, second), JobState.LEASED);
  assert.equal(stateOf(world, first), JobState.QUEUED);
});

test('a large set is cancelled in chunks, and other jobs are placed in between', async () => {
  const world = createWorld();
  queue(world, 'q');
  queue(world, 'r');
  const ids = submitMany(world, 3_500, { cpu: 9 });
  open(world, { id: 'op', event: cancelSet(world) });
  world.scheduler.tick();
  await new Promise(setImmediate);
  const soFar = ids.filter((id) => stateOf(world, id) === JobState.CANCELLED).length;
  assert.ok(soFar > 400 && soFar <= 500, `${soFar} were cancelled in one tick`);
  show(world);
  const other = submit(world, { queue: 'r' });
  world.scheduler.tick();
  await new Promise(setImmediate);
  assert.equal(stateOf(world, other), JobState.LEASED);
  await settle(world);
  assert.ok(
    ids.every((id) => stateOf(world, id) === JobState.CANCELLED || stateOf(world, id) === JobState.REJECTED),
  );
  assert.deepEqual(closedIds(world), ['op']);
});

test('a small operation does not wait for a large one, unless they may mean the same jobs', async () => {
  const world = createWorld();
  queue(world, 'q');
  submitMany(world, 2_000, { cpu: 9 });
  const small = submitMany(world, 3, { cpu: 9, jobSet: 'small' });
  open(world, { id: 'large', event: cancelSet(world) });
  open(world, { id: 'small', jobSet: 'small', event: cancelSet(world) });
  open(world, { id: 'all', jobSet: '', event: reprioritiseSet(3) });
  await settle(world);
  assert.deepEqual(closedIds(world), ['small', 'large', 'all']);
  assert.ok(small.every((id) => stateOf(world, id) === JobState.CANCELLED));
});

test('of two new priorities the later counts, also when a new leader finds both', async () => {
  for (const ids of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    const world = createWorld();
    queue(world, 'q');
    const [job] = submitMany(world, 1, { cpu: 9 });
    for (const [n, id] of ids.entries()) open(world, { id, event: reprioritiseSet(n + 5) });
    world.scheduler = newScheduler(world);
    const page = world.log.flatMap(({ opened }) => opened).reverse();
    loadAll(world, world.scheduler, [classOf({ cpu: 9 })]);
    world.scheduler.state.operations.clear();
    for (const operation of page) world.scheduler.state.operations.set(operation.id, operation);
    await settle(world);
    assert.deepEqual(closedIds(world), ids);
    assert.equal(world.records.get(job!)?.record.priority, 6);
  }
});

test('an operation whose jobs all wait for other decisions does not keep the scheduler busy', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, { nodes: [node('n1', { cpu: '2000' })] });
  const ids = submitMany(world, 1_200);
  world.isHeld = true;
  assert.ok(world.scheduler.tick() > 0);
  open(world, { id: 'op', event: cancelSet(world) });
  // The first turn finds the jobs.
  world.scheduler.tick();
  assert.ok(world.scheduler.tick() > 0);
  await deliver(world);
  assert.ok(ids.every((id) => stateOf(world, id) === JobState.CANCELLED));
});

test('an operation that is newer than what was loaded waits for the jobs before it', async () => {
  const world = createWorld();
  queue(world, 'q');
  const [early, late] = [submit(world), submit(world)];
  open(world, { id: 'op', event: cancelSet(world) });
  world.scheduler = newScheduler(world);
  // Read after the operation was opened, and before that the jobs that were there by then.
  world.scheduler.load({ heads: [2] });
  const page = {
    jobs: packWhole([world.records.get(early)!]),
    classes: [classOf({})],
    operations: world.log[3]!.opened,
  };
  world.scheduler.load({ page });
  await settle(world);
  assert.deepEqual(closedIds(world), []);
  world.scheduler.apply(world.log.slice(2));
  await settle(world);
  assert.ok([early, late].every((id) => stateOf(world, id) === JobState.CANCELLED));
  assert.deepEqual(closedIds(world), ['op']);
});
