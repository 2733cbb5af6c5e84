import { JobRunState, JobState } from '@armada-ts/api/api/job';
import { ExecutorRecord } from '@armada-ts/api/armada/store/v1/store';
import { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EPOCH_MS,
  type World,
  createWorld,
  decidedFor,
  node,
  pass,
  queue,
  runOf,
  settle,
  show,
  stateOf,
  submit,
  submitMany,
  write,
} from './testing/world.ts';

/** A job that fills node n1 of executor east, leased. */
async function full(world: World, options: Parameters<typeof submit>[1] = {}) {
  queue(world, 'q');
  show(world);
  const id = submit(world, { cpu: 8, ...options });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.LEASED);
  return { id, runId: runOf(world, id)!.runId };
}

function cancel(world: World, id: string): void {
  write(world, id, { $case: 'cancelJob', value: { jobId: id, reason: '' } });
}

function returned(world: World, id: string, runAttempted: boolean): void {
  const runId = runOf(world, id)!.runId;
  const value = { objectMeta: undefined, message: 'no image', podNumber: 0, runAttempted, debugMessage: '' };
  const error = {
    terminal: true,
    failureCategory: '',
    failureSubcategory: '',
    retryPolicyName: '',
    reason: { $case: 'podLeaseReturned' as const, value },
  };
  write(world, id, { $case: 'jobRunErrors', value: { jobId: id, runId, errors: [error] } });
}

test('a cancelled run is charged until its executor no longer shows it', async () => {
  const world = createWorld();
  const { id, runId } = await full(world);
  show(world, { runs: [runId] });
  cancel(world, id);
  const next = submit(world, { cpu: 8 });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.CANCELLED);
  show(world, { runs: [runId] });
  await settle(world);
  assert.equal(stateOf(world, next), JobState.QUEUED, 'the run is still there');
  show(world);
  await settle(world);
  assert.equal(stateOf(world, next), JobState.LEASED);
});

test('a cancelled run that was never shown is charged for two more snapshots', async () => {
  const world = createWorld();
  const { id } = await full(world);
  cancel(world, id);
  const next = submit(world, { cpu: 8 });
  await settle(world);
  show(world);
  await settle(world);
  assert.equal(stateOf(world, next), JobState.QUEUED, 'the snapshot may be older than the cancel');
  show(world);
  await settle(world);
  assert.equal(stateOf(world, next), JobState.LEASED);
});

test('a run that was never shown but as ended is charged no longer', async () => {
  for (const isShownFirst of [false, true]) {
    const world = createWorld();
    const { id, runId } = await full(world);
    const next = submit(world, { cpu: 8 });
    const ended = { states: new Map([[runId, JobState.FAILED]]) };
    if (isShownFirst) show(world, ended);
    await settle(world);
    assert.equal(stateOf(world, next), JobState.QUEUED, 'its job has the run still');
    cancel(world, id);
    await settle(world);
    if (!isShownFirst) show(world, ended);
    await settle(world);
    assert.equal(stateOf(world, next), JobState.LEASED);
    show(world, ended);
    assert.equal(world.scheduler.state.nodes.listed[0], 1, 'a later snapshot does not make it look unknown');
  }
});

test('the room of a run that has succeeded is free at once', async () => {
  const world = createWorld();
  const { id, runId } = await full(world);
  show(world, { runs: [runId] });
  const next = submit(world, { cpu: 8 });
  write(world, id, { $case: 'jobRunSucceeded', value: { jobId: id, runId, resourceInfos: [] } });
  await settle(world);
  assert.equal(stateOf(world, next), JobState.LEASED);
  show(world, { runs: [runId, runOf(world, next)!.runId] });
  assert.equal(world.scheduler.state.nodes.listed[0], 1, 'an older snapshot does not make it look unknown');
});

test('runs that nobody knows take what their node says, or all of it', async () => {
  const world = createWorld();
  queue(world, 'q');
  const resources = new Map([['cpu', { string: '5' }]]);
  const usage = [{ pool: 'default', queue: 'old', resources }];
  show(world, { nodes: [node('n1', { resourceUsageByQueueAndPool: usage })], runs: ['stranger'] });
  const [small, large] = [submit(world, { cpu: 3 }), submit(world, { cpu: 4 })];
  await settle(world);
  assert.equal(stateOf(world, small), JobState.LEASED);
  assert.equal(stateOf(world, large), JobState.QUEUED);
  show(world, { runs: ['stranger', runOf(world, small)!.runId] });
  await settle(world);
  assert.equal(stateOf(world, large), JobState.QUEUED);
  show(world, { runs: [runOf(world, small)!.runId] });
  await settle(world);
  assert.equal(stateOf(world, large), JobState.LEASED);
});

test('a silent executor gets nothing new, and goes on when it is heard again', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  await pass(world, 59_000);
  const early = submit(world);
  await settle(world);
  assert.equal(stateOf(world, early), JobState.LEASED);
  await pass(world, 2_000);
  const late = submit(world);
  await settle(world);
  assert.equal(stateOf(world, late), JobState.QUEUED);
  show(world);
  await settle(world);
  assert.equal(stateOf(world, late), JobState.LEASED);
});

test('the runs of a lost executor are given up, queued again elsewhere, and stay charged there', async () => {
  const world = createWorld();
  const { id, runId } = await full(world);
  show(world, { runs: [runId] });
  await pass(world, 595_000);
  assert.equal(stateOf(world, id), JobState.LEASED);
  await pass(world, 6_000);
  assert.deepEqual(decidedFor(world, id), ['jobRunLeased', 'jobRunErrors', 'jobRequeued']);
  assert.equal(runOf(world, id)?.state, JobRunState.RUN_STATE_LEASE_EXPIRED);
  show(world, { id: 'west', nodes: [node('n1')] });
  await settle(world);
  assert.equal(runOf(world, id)?.executorId, 'west');
  const next = submit(world, { cpu: 8 });
  show(world, { runs: [runId] });
  await settle(world);
  assert.equal(stateOf(world, next), JobState.QUEUED, 'the lost run is back and still runs');
  show(world);
  await settle(world);
  assert.equal(runOf(world, next)?.executorId, 'east');
});

test('a job that may run only once fails with its lost executor', async () => {
  const world = createWorld();
  const { id } = await full(world, { atMostOnce: true });
  await pass(world, 601_000);
  assert.deepEqual(decidedFor(world, id), ['jobRunLeased', 'jobRunErrors', 'jobErrors']);
  const last = world.decided.at(-1)?.event.event;
  assert.ok(last?.$case === 'jobErrors');
  assert.equal(last.value.errors[0]?.reason?.$case, 'leaseExpired');
});

test('silence does not count while the scheduler itself was held up', async () => {
  const world = createWorld();
  const { id } = await full(world);
  world.nowMs += 3_600_000;
  await settle(world);
  assert.equal(stateOf(world, id), JobState.LEASED);
  world.nowMs += 10_000;
  world.scheduler.restartSilence();
  await pass(world, 595_000);
  assert.equal(stateOf(world, id), JobState.LEASED);
  await pass(world, 10_000);
  assert.equal(stateOf(world, id), JobState.QUEUED);
});

test('a job avoids the nodes it was returned from, and fails when none is left', async () => {
  const world = createWorld();
  queue(world, 'q');
  const nodes = [node('n1'), node('n2')];
  show(world, { nodes });
  const id = submit(world);
  await settle(world);
  assert.equal(runOf(world, id)?.node, 'n1');
  returned(world, id, true);
  await settle(world);
  assert.equal(runOf(world, id)?.node, 'n2');
  returned(world, id, true);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.FAILED);
  const last = world.decided.at(-1)?.event.event;
  assert.ok(last?.$case === 'jobErrors');
  const reason = last.value.errors[0]?.reason;
  assert.ok(reason?.$case === 'maxRunsExceeded');
  assert.equal(
    reason.value.message,
    'No node is left to try. The job fits on none of 2 nodes: 2 nodes where the job was tried before. The last run, on node "n2", said: no image',
  );
});

test('a lease that came back before anything started may go to the same node again, after longer and longer rests', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world);
  await settle(world);
  const restsMs: number[] = [];
  for (let times = 0; times < 9; times++) {
    returned(world, id, false);
    const from = world.nowMs;
    let nextMs = await settle(world);
    while (runOf(world, id)?.finishedAtMs !== undefined) {
      world.nowMs += nextMs;
      show(world);
      nextMs = await settle(world);
    }
    assert.equal(runOf(world, id)?.node, 'n1');
    assert.equal(stateOf(world, id), JobState.LEASED);
    restsMs.push(world.nowMs - from);
    show(world);
    show(world);
  }
  assert.deepEqual(restsMs, [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test('a job whose runs are always given back unstarted fails in the end', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world);
  await settle(world);
  for (let times = 0; times < 64; times++) {
    assert.equal(stateOf(world, id), JobState.LEASED);
    returned(world, id, false);
    show(world);
    show(world);
    await pass(world, 65_000);
    show(world);
    await settle(world);
  }
  assert.equal(stateOf(world, id), JobState.FAILED);
  const error = world.records.get(id)?.record.error?.reason;
  assert.ok(error?.$case === 'maxRunsExceeded');
  assert.match(error.value.message, /^64 runs were given back before they had started\. .*no image/);
});

test('a started run that may not run twice fails when its executor does not have it any more', async () => {
  for (const isStarted of [false, true]) {
    const world = createWorld();
    const { id, runId } = await full(world, { atMostOnce: true });
    show(world, { runs: [runId] });
    if (isStarted) {
      write(world, id, { $case: 'jobRunRunning', value: { jobId: id, runId, resourceInfos: [], pool: '' } });
    }
    for (const [passMs, runs] of [
      [0, []],
      [50_000, []],
      [5_000, [runId]],
      [5_000, []],
      [59_000, []],
    ] as const) {
      await pass(world, passMs);
      show(world, { runs: [...runs] });
      await settle(world);
    }
    assert.equal(stateOf(world, id), isStarted ? JobState.RUNNING : JobState.LEASED, 'for a moment');
    await pass(world, 1_000);
    show(world);
    await settle(world);
    const what = isStarted ? JobState.FAILED : JobState.LEASED;
    assert.equal(stateOf(world, id), what, 'what has not started is leased again');
  }
});

test('a node that is gone, shrinks or moves keeps its charges', async () => {
  const world = createWorld();
  const { id, runId } = await full(world);
  show(world, { nodes: [node('n2')] });
  const next = submit(world, { cpu: 2 });
  await settle(world);
  assert.equal(runOf(world, next)?.node, 'n2');
  show(world, { nodes: [node('n1', { cpu: '9' }), node('n2')], runs: [runId] });
  const [tight, none] = [submit(world, { cpu: 1 }), submit(world, { cpu: 7 })];
  await settle(world);
  assert.equal(runOf(world, tight)?.node, 'n1', 'one cpu is left beside the job that stayed');
  assert.equal(stateOf(world, none), JobState.QUEUED);
  show(world, { nodes: [node('n1', { cpu: '9', pool: 'extra' }), node('n2')], runs: [runId] });
  const extra = world.scheduler.state.nodes.pools.find((pool) => pool.name === 'extra');
  assert.equal(extra?.allocated[1], 9_000, 'the queue holds it in the pool where the node is now');
  assert.equal(stateOf(world, id), JobState.LEASED);
});

test('malformed nodes are left out, and the others serve', async () => {
  const world = createWorld();
  queue(world, 'q');
  const bad = node('bad', { allocatableResources: new Map([['cpu', { string: 'lots' }]]) });
  show(world, { nodes: [node('n1'), bad, node(''), node('n1')] });
  const ids = submitMany(world, 9);
  await settle(world);
  assert.equal(ids.filter((id) => stateOf(world, id) === JobState.LEASED).length, 8);
});

test('what others take of a node is not given to jobs', async () => {
  const world = createWorld();
  queue(world, 'q');
  const taken = new Map([[0, { resources: new Map([['cpu', { string: '2500m' }]]) }]]);
  show(world, { nodes: [node('n1', { nonArmadaAllocatedResources: taken })] });
  const ids = submitMany(world, 8);
  await settle(world);
  assert.equal(ids.filter((id) => stateOf(world, id) === JobState.LEASED).length, 5);
});

test('executors are kept for a new leader: when nodes change, and now and then', async () => {
  const world = createWorld();
  show(world);
  await settle(world);
  assert.equal(world.saved.length, 1);
  assert.equal(world.saved[0]?.seenAtMs, EPOCH_MS);
  assert.equal(world.saved[0]?.nodes[0]?.runIdsByState.size, 0);
  for (let times = 0; times < 20; times++) {
    show(world);
    await pass(world, 20_000);
  }
  assert.equal(world.saved.length, 1);
  show(world, { nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(world.saved.length, 2);
  for (let times = 0; times < 40; times++) {
    show(world, { nodes: [node('n1'), node('n2')] });
    await pass(world, 20_000);
  }
  assert.equal(world.saved.length, 3);
});

test('an executor that an earlier leader has seen counts for an hour, and gets nothing before it is heard of', async () => {
  const world = createWorld();
  const seenAtMs = EPOCH_MS - 59 * 60_000;
  world.scheduler.load({
    executors: [
      ExecutorRecord.create({ id: 'east', pool: 'default', nodes: [node('n1')], seenAtMs }),
      ExecutorRecord.create({
        id: 'old',
        pool: 'default',
        nodes: [node('n1')],
        seenAtMs: EPOCH_MS - 3_601_000,
      }),
    ],
  });
  queue(world, 'q');
  show(world, { id: 'west', nodes: [node('small', { cpu: '1' })] });
  const id = submit(world, { cpu: 8 });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  assert.equal(world.scheduler.state.nodes.byKey.size, 2);
  for (let times = 0; times < 200 && stateOf(world, id) === JobState.QUEUED; times++) {
    show(world, { id: 'west', nodes: [node('small', { cpu: '1' })] });
    await pass(world, 20_000);
  }
  assert.equal(stateOf(world, id), JobState.REJECTED, 'with the executor the hope is gone');
});

test('what an executor showed to an earlier leader counts until it shows something', async () => {
  const world = createWorld();
  queue(world, 'q');
  const repeat = (nodes: string[]): void =>
    world.scheduler.executorSeen(
      LeaseRequest.create({ executorId: 'east', pool: 'default', nodes: nodes.map((name) => node(name)) }),
      true,
    );
  repeat(['n1']);
  const id = submit(world, { cpu: 8 });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.LEASED);
  show(world, { nodes: [node('n1'), node('n2')] });
  repeat(['n1']);
  assert.deepEqual([...world.scheduler.state.nodes.byKey.keys()].length, 2);
});
