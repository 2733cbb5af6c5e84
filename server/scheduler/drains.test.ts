/** Executors and nodes that get nothing new, and those that are being emptied. */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import { Drain, LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { JobRunRunning, JobRunSucceeded } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  classOf,
  cordon,
  createFollower,
  createWorld,
  decidedFor,
  deliver,
  type JobOptions,
  loadAll,
  node,
  pass,
  queue,
  runOf,
  set,
  settle,
  show,
  stateOf,
  submit,
  submitMany,
  unset,
  type World,
  write,
} from './testing/world.ts';

const ALL = { executorId: 'east', drain: Drain.DRAIN_ALL };

function starts(world: World, jobId: string): void {
  const { runId } = runOf(world, jobId)!;
  write(world, jobId, { $case: 'jobRunRunning', value: JobRunRunning.create({ jobId, runId }) });
}

/** Two nodes, and a job that runs on the first of them. */
async function running(options: JobOptions = {}): Promise<{ world: World; id: string }> {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world, { cpu: 8, ...options });
  await settle(world);
  starts(world, id);
  show(world, { runs: [runOf(world, id)!.runId], nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.RUNNING);
  return { world, id };
}

test('a cordoned node gets nothing new and keeps what it has; others go on', async () => {
  const world = createWorld();
  queue(world, 'q');
  set(world, { executorId: 'east', node: 'n1' });
  show(world, { nodes: [node('n1'), node('n2')] });
  const [first, second] = submitMany(world, 2, { cpu: 8 }) as [string, string];
  await settle(world);
  const places = () => [first, second].map((id) => runOf(world, id)?.node);
  assert.deepEqual(new Set(places()), new Set(['n2', undefined]));
  assert.ok(
    [first, second].every((id) => stateOf(world, id) !== JobState.REJECTED),
    'they only wait',
  );
  show(world, { nodes: [node('n1'), node('n2', { labels: new Map([['a', 'b']]) })] });
  await settle(world);
  assert.deepEqual(new Set(places()), new Set(['n2', undefined]));
  unset(world, { executorId: 'east', node: 'n1' });
  await settle(world);
  assert.deepEqual(new Set(places()), new Set(['n1', 'n2']));
});

test('a node of the same name elsewhere is not meant, nor is its executor freed with the node', async () => {
  const world = createWorld();
  queue(world, 'q');
  set(world, { executorId: 'east', node: 'n1' });
  cordon(world, 'east', true);
  unset(world, { executorId: 'east', node: 'n1' });
  show(world);
  show(world, { id: 'west' });
  const id = submit(world, { cpu: 8 });
  await settle(world);
  assert.equal(runOf(world, id)?.executorId, 'west');
});

test('a drained run ends at once, its job runs elsewhere, and that costs no attempt', async () => {
  const { world, id } = await running();
  const { runId } = runOf(world, id)!;
  set(world, { ...ALL, node: 'n1' });
  await settle(world);
  assert.deepEqual(decidedFor(world, id).slice(1, 3), ['jobRunErrors', 'jobRequeued']);
  const { runs } = world.records.get(id)!.record;
  assert.deepEqual(
    runs.map(({ node: name, state, attempted }) => ({ name, state, attempted })),
    [
      { name: 'n1', state: JobRunState.RUNS_STATE_LEASE_RETURNED, attempted: false },
      { name: 'n2', state: JobRunState.RUN_STATE_LEASED, attempted: false },
    ],
  );
  const reason = runs[0]?.error?.reason;
  assert(reason?.$case === 'podLeaseReturned');
  assert.equal(reason.value.message, 'Drained by olga - new disks');
  const next = submit(world, { cpu: 8 });
  unset(world, { executorId: 'east', node: 'n1' });
  show(world, { runs: [runId], nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(stateOf(world, next), JobState.QUEUED, 'the old run takes its room until it is gone');
  show(world, { nodes: [node('n1'), node('n2')] });
  show(world, { nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(runOf(world, next)?.node, 'n1');
});

test('where nothing else has room a drained job waits, and runs again when the drain is over', async () => {
  const { world, id } = await running();
  set(world, ALL);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  show(world, { nodes: [node('n1'), node('n2')] });
  await pass(world, 60_000);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  unset(world, { executorId: 'east', node: '' });
  show(world, { nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.LEASED);
});

test('runs that run go on where only the others are drained, also those that start meanwhile', async () => {
  const { world, id } = await running();
  const leased = submit(world, { cpu: 8 });
  await settle(world);
  assert.equal(runOf(world, leased)?.node, 'n2');
  set(world, { ...ALL, drain: Drain.DRAIN_NOT_RUNNING });
  await settle(world);
  assert.equal(stateOf(world, leased), JobState.QUEUED);
  assert.equal(stateOf(world, id), JobState.RUNNING);
  const { runId } = runOf(world, id)!;
  write(world, id, {
    $case: 'jobRunSucceeded',
    value: JobRunSucceeded.create({ jobId: id, runId }),
  });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.SUCCEEDED);
});

for (const [what, options] of [
  ['may be started only once', { atMostOnce: true }],
  ['asks to fail fast', { failFast: true }],
] as const) {
  test(`a job that ${what} runs to its end on a node that is drained`, async () => {
    const { world, id } = await running(options);
    set(world, ALL);
    await pass(world, 30_000);
    assert.equal(stateOf(world, id), JobState.RUNNING);
    assert.equal(world.records.get(id)!.record.runs.length, 1);
  });
}

test('a job that was taken from its node too often is left where it is', async () => {
  const { world, id } = await running();
  for (let times = 0; times < 70; times++) {
    const { node: name } = runOf(world, id)!;
    set(world, { ...ALL, node: name });
    await settle(world);
    // The old run is gone, and the rest after many of them is over.
    world.nowMs += 60_000;
    for (let shown = 0; shown < 2; shown++) {
      const { runId, state } = runOf(world, id)!;
      show(world, {
        nodes: [node('n1'), node('n2')],
        runs: state === JobRunState.RUN_STATE_LEASED ? [runId] : [],
      });
    }
    unset(world, { executorId: 'east', node: name });
    await settle(world);
  }
  assert.equal(stateOf(world, id), JobState.LEASED);
  assert.equal(world.records.get(id)!.record.runs.length, 64);
});

test('a lease that is on its way when the drain begins is drained when it is there', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, { nodes: [node('n1'), node('n2')] });
  const id = submit(world, { cpu: 8 });
  world.isHeld = true;
  await settle(world);
  set(world, { ...ALL, node: 'n1' });
  await settle(world);
  await deliver(world);
  const { runs } = world.records.get(id)!.record;
  assert.deepEqual(
    runs.map((run) => run.node),
    ['n1', 'n2'],
  );
});

test('a cancel that is asked for before the drain counts', async () => {
  const { world, id } = await running();
  world.isHeld = true;
  write(world, id, { $case: 'cancelJob', value: { jobId: id, reason: '' } });
  set(world, ALL);
  await settle(world);
  await deliver(world);
  assert.equal(stateOf(world, id), JobState.CANCELLED);
});

test('a leader that dies in mid-drain leaves it to the next, which finds every run that is still there', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, { nodes: [node('n1', { cpu: '64' })] });
  const ids = submitMany(world, 60);
  await settle(world);
  for (const id of ids) assert.equal(stateOf(world, id), JobState.LEASED);
  world.isHeld = true;
  set(world, ALL);
  world.scheduler.tick();
  const other = createFollower(world);
  loadAll(world, other, [classOf({})]);
  other.load({ settings: [...world.scheduler.state.places.values()] });
  // What the old leader had on its way is refused from now on.
  world.term++;
  other.lead(world.term);
  world.scheduler = other;
  await deliver(world);
  show(world, { id: 'west', nodes: [node('w1', { cpu: '64' })] });
  await settle(world);
  for (const id of ids) {
    assert.equal(runOf(world, id)?.executorId, 'west');
    assert.equal(world.records.get(id)!.record.runs.length, 2);
  }
});

test('a follower that takes over goes on with a drain that it knows from the log', async () => {
  const { world, id } = await running();
  const follower = createFollower(world);
  follower.apply(world.log);
  const seen = world.log.length;
  set(world, { ...ALL, node: 'n1' });
  follower.apply(world.log.slice(seen).map((entry) => LogEntry.decode(LogEntry.encode(entry).finish())));
  world.term++;
  follower.lead(world.term);
  world.scheduler = follower;
  show(world, { nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(runOf(world, id)?.node, 'n2');
});

test('of a large drain only so much is under way at once, and other jobs go on meanwhile', async () => {
  const world = createWorld();
  queue(world, 'q');
  queue(world, 'other');
  show(world, { nodes: [node('n1', { cpu: '4000' })] });
  const ids = submitMany(world, 3_000);
  await settle(world);
  show(world, { id: 'west', nodes: [node('w1', { cpu: '4000' })] });
  world.isHeld = true;
  set(world, ALL);
  for (let ticks = 0; ticks < 10; ticks++) world.scheduler.tick();
  const taken = () => world.scheduler.state.drained.size;
  assert.equal(taken(), 2_500);
  const [between = ''] = submitMany(world, 1, { queue: 'other' });
  await deliver(world);
  assert.equal(taken(), 0);
  for (const id of ids) assert.equal(runOf(world, id)?.executorId, 'west');
  const decided = world.decided.map(({ jobId }) => jobId);
  const place = decided.slice(decided.indexOf(between)).filter((id) => ids.includes(id)).length;
  assert.ok(place > 1_000, `${place} decisions came after that of a job submitted meanwhile`);
});

test('a batch of a drain that was refused for one job takes the others all the same', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const [first = '', second = ''] = submitMany(world, 2);
  await settle(world);
  show(world, { id: 'west', nodes: [node('w1')] });
  world.isHeld = true;
  set(world, ALL);
  world.scheduler.tick();
  starts(world, first);
  await deliver(world);
  assert.deepEqual(
    [first, second].map((id) => runOf(world, id)?.executorId),
    ['west', 'west'],
  );
});
