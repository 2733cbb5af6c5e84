import { countJobs } from './jobs.ts';
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  classOf,
  cordon,
  createWorld,
  decidedFor,
  deliver,
  loadAll,
  newScheduler,
  node,
  queue,
  runOf,
  settle,
  show,
  stateOf,
  submit,
  submitMany,
  write,
} from './testing/world.ts';

test('tick() leases a job that fits, in one tick', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  await settle(world);
  const id = submit(world);
  world.scheduler.tick();
  await new Promise(setImmediate);
  assert.equal(stateOf(world, id), JobState.LEASED);
  const run = runOf(world, id);
  assert.equal(run?.executorId, 'east');
  assert.equal(run?.node, 'n1');
  assert.equal(run?.pool, 'default');
  const [leased] = world.decided;
  assert.ok(leased?.event.event?.$case === 'jobRunLeased');
  assert.equal(leased.event.event.value.updateSequenceNumber, 1);
  assert.equal(leased.event.event.value.scheduledAtPriority, 1000);
});

test('tick() keeps rounds apart that take long, and starts one at once when idle', async () => {
  const world = createWorld({ maxRoundIntervalMs: 20 });
  queue(world, 'q');
  show(world);
  world.nowMs = 100;
  world.stepMs = 5;
  submit(world);
  world.scheduler.tick();
  await new Promise(setImmediate);
  assert.equal(world.decided.length, 1);
  const startedMs = 105;
  submit(world);
  const waitMs = world.scheduler.tick();
  assert.ok(waitMs > 0 && world.nowMs + waitMs <= startedMs + 20, `waits ${waitMs} ms`);
  assert.equal(world.decided.length, 1);
  world.nowMs = 130;
  await settle(world);
  assert.equal(world.decided.length, 2);
});

test('tick() does not wait for a next round when the last one took no time', async () => {
  const world = createWorld({ maxRoundIntervalMs: 20 });
  queue(world, 'q');
  show(world);
  for (const count of [1, 2, 3]) {
    submit(world);
    await settle(world);
    assert.equal(world.decided.length, count);
  }
});

test('tick() decides nothing about a job while a decision about it is on its way', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  world.isHeld = true;
  const id = submit(world);
  await settle(world);
  assert.equal(world.decided.length, 0);
  await deliver(world);
  assert.deepEqual(decidedFor(world, id), ['jobRunLeased']);
});

test('a decision that was overtaken is derived again from what the job is by then', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  world.isHeld = true;
  const id = submit(world);
  await settle(world);
  write(world, id, { $case: 'cancelJob', value: { jobId: id, reason: 'changed my mind' } });
  await deliver(world);
  assert.deepEqual(decidedFor(world, id), ['cancelledJob']);
  assert.equal(stateOf(world, id), JobState.CANCELLED);
  assert.equal(world.scheduler.state.charges.byRun.size, 0, 'the planned run is charged no more');
  const other = submitMany(world, 8);
  await settle(world);
  assert.ok(
    other.every((one) => stateOf(world, one) === JobState.LEASED),
    'the whole node is free again',
  );
});

test('one overtaken job of a batch does not hold up the others', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  world.isHeld = true;
  const ids = submitMany(world, 4);
  await settle(world);
  write(world, ids[1]!, { $case: 'cancelJob', value: { jobId: ids[1]!, reason: '' } });
  await deliver(world);
  const states = ids.map((id) => stateOf(world, id));
  assert.deepEqual(states, [JobState.LEASED, JobState.CANCELLED, JobState.LEASED, JobState.LEASED]);
});

test('a leader that was sealed decides nothing more', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  world.term = 2;
  const id = submit(world);
  await settle(world).catch(() => {});
  assert.equal(world.sealedBy, 2);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  assert.equal(world.scheduler.tick(), Number.POSITIVE_INFINITY);
});

test('a run goes from report to decision', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world);
  await settle(world);
  const runId = runOf(world, id)!.runId;
  write(world, id, {
    $case: 'jobRunSucceeded',
    value: {
      jobId: id,
      runId,
      resourceInfos: [
        {
          objectMeta: {
            executorId: 'east',
            namespace: 'default',
            name: 'pod',
            kubernetesId: '',
            annotations: new Map(),
            labels: new Map(),
          },
          info: { $case: 'podInfo', value: { nodeName: 'n1', podNumber: 0 } },
        },
      ],
    },
  });
  await settle(world);
  assert.deepEqual(decidedFor(world, id), ['jobRunLeased', 'jobSucceeded']);
  const last = world.decided.at(-1)?.event.event;
  assert.ok(last?.$case === 'jobSucceeded');
  assert.equal(last.value.resourceInfos[0]?.objectMeta?.executorId, 'east');
  assert.equal(countJobs(world.scheduler.state.jobs), 0);
  assert.equal(world.scheduler.state.classes.byKey.size, 0, 'a class without jobs is forgotten');
  assert.equal(world.scheduler.state.needs.size, 0);
});

test('cordoned queues and executors get nothing new', async () => {
  const world = createWorld();
  queue(world, 'q', { cordoned: true });
  show(world);
  const id = submit(world);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  cordon(world, 'east', true);
  queue(world, 'q');
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  cordon(world, 'east', false);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.LEASED);
});

test('a new leader goes on from what the store holds', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const [running, queued] = [submit(world, { cpu: 5 }), submit(world, { cpu: 6 })];
  await settle(world);
  assert.equal(stateOf(world, running), JobState.LEASED);
  assert.equal(stateOf(world, queued), JobState.QUEUED);
  world.scheduler = newScheduler(world);
  loadAll(world, world.scheduler, [classOf({ cpu: 5 }), classOf({ cpu: 6 })]);
  show(world, { runs: [runOf(world, running)!.runId] });
  await settle(world);
  assert.equal(stateOf(world, queued), JobState.QUEUED, 'the running job is charged');
  show(world, { runs: [runOf(world, running)!.runId], nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(runOf(world, queued)?.node, 'n2');
  // Entries that the leader has read already come again, and change nothing.
  world.scheduler.apply(world.log);
  assert.equal(runOf(world, queued)?.state, JobRunState.RUN_STATE_LEASED);
  await settle(world);
  assert.equal(decidedFor(world, queued).length, 1);
});

test('a queue of a higher priority class goes first, whatever its share', async () => {
  const world = createWorld();
  queue(world, 'a');
  queue(world, 'b');
  const plain = submitMany(world, 4, { queue: 'a', cpu: 4 });
  const urgent = submitMany(world, 2, { queue: 'b', cpu: 4, needs: { priorityClass: 'urgent' } });
  show(world);
  await settle(world);
  assert.ok(urgent.every((id) => stateOf(world, id) === JobState.LEASED));
  assert.ok(plain.every((id) => stateOf(world, id) === JobState.QUEUED));
});
