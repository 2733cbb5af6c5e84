/** Operations on queues, executors and nodes: whom they mean, and what becomes of those. */
import { JobState } from '@armada-ts/api/api/job';
import { JobFilter, type Operation, type SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from '../model/instant.ts';
import type { Event } from '../model/job.ts';
import {
  EPOCH_MS,
  type World,
  classOf,
  cordon,
  createWorld,
  decidedFor,
  deliver,
  dismiss,
  loadAll,
  newScheduler,
  node,
  open,
  pass,
  queue,
  runOf,
  settle,
  show,
  stateOf,
  submit,
  write,
} from './testing/world.ts';

const YIELDING: Partial<SchedulingClass> = { priorityClass: 'yielding' };

const CANCEL: Event['event'] = { $case: 'cancelJob', value: { jobId: '', reason: 'empty it' } };
const PREEMPT: Event['event'] = { $case: 'jobPreemptionRequested', value: { jobId: '', reason: 'empty it' } };
const GIVE_UP: Event['event'] = {
  $case: 'jobRunErrors',
  value: {
    jobId: '',
    runId: '',
    errors: [
      {
        terminal: true,
        failureCategory: '',
        failureSubcategory: '',
        retryPolicyName: '',
        reason: { $case: 'leaseExpired', value: {} },
      },
    ],
  },
};

let opened = 0;

/** @param askedMs by the clock of the server that was asked, which need not be the leader's */
function ask(
  world: World,
  event: Event['event'],
  filter: Partial<JobFilter> = {},
  askedMs: number = world.nowMs,
): string {
  const operation: Pick<Operation, 'id' | 'event'> & Partial<Operation> = {
    id: `op-${++opened}`,
    jobSet: '',
    event: { event, created: timestampOf(EPOCH_MS + askedMs) },
    filter: JobFilter.fromPartial(filter),
  };
  open(world, operation);
  return operation.id;
}

function isClosed(world: World, id: string): boolean {
  return world.log.some(({ closed }) => closed.includes(id));
}

/** Two executors of two nodes, with jobs of a queue on all of them and one that waits. */
async function fleet(): Promise<World & { leased: string[]; waiting: string }> {
  const world = createWorld();
  queue(world, 'q');
  queue(world, 'r');
  for (const id of ['east', 'west']) {
    show(world, { id, nodes: [node('n1', { cpu: '2' }), node('n2', { cpu: '2' })] });
  }
  const leased = [
    ...Array.from({ length: 4 }, (_, n) => submit(world, { jobSet: `set-${n % 2}` })),
    ...Array.from({ length: 4 }, (_, n) => submit(world, { jobSet: `set-${n % 2}`, needs: YIELDING })),
  ];
  await settle(world);
  assert.ok(leased.every((id) => stateOf(world, id) === JobState.LEASED));
  world.nowMs += 10;
  const waiting = submit(world, { cpu: 2 });
  await settle(world);
  return Object.assign(world, { leased, waiting });
}

function statesOf(world: World & { leased: string[] }): JobState[] {
  return world.leased.map((id) => stateOf(world, id) ?? JobState.UNKNOWN);
}

test('cancelling on a queue ends its jobs in all job sets, and those of no other queue', async () => {
  const world = await fleet();
  const other = submit(world, { queue: 'r' });
  const id = ask(world, CANCEL);
  await settle(world);
  assert.ok(statesOf(world).every((state) => state === JobState.CANCELLED));
  assert.equal(stateOf(world, world.waiting), JobState.CANCELLED);
  assert.notEqual(stateOf(world, other), JobState.CANCELLED);
  assert.ok(isClosed(world, id));
  const last = world.decided.findLast(({ what }) => what === 'cancelledJob')?.event.event;
  assert.ok(last?.$case === 'cancelledJob');
  assert.deepEqual([last.value.requestor, last.value.reason], ['carol', 'empty it']);
});

test('an operation means the jobs that pass its filter', async () => {
  const filters: [Partial<JobFilter>, (job: number, world: World & { leased: string[] }) => boolean][] = [
    [{ states: [JobState.QUEUED] }, () => false],
    [{ states: [JobState.LEASED, JobState.RUNNING] }, () => true],
    [{ states: [JobState.RUNNING] }, () => false],
    [{ priorityClasses: ['yielding', 'urgent'] }, (job) => job >= 4],
    [{ pools: ['default'] }, () => true],
    [{ pools: ['other'] }, () => false],
    [{ executorId: 'west' }, (job, world) => runOf(world, world.leased[job]!)?.executorId === 'west'],
    [
      { executorId: 'west', node: 'n2' },
      (job, world) =>
        runOf(world, world.leased[job]!)?.executorId === 'west' &&
        runOf(world, world.leased[job]!)?.node === 'n2',
    ],
    [{ executorId: 'west', priorityClasses: ['none'] }, () => false],
  ];
  for (const [filter, isMeant] of filters) {
    const world = await fleet();
    const id = ask(world, CANCEL, filter);
    await settle(world);
    const text = JSON.stringify(filter);
    for (const [job, state] of statesOf(world).entries()) {
      assert.equal(state === JobState.CANCELLED, isMeant(job, world), `${text}: job ${job}`);
    }
    const isQueuedMeant = filter.states?.includes(JobState.QUEUED) === true;
    assert.equal(stateOf(world, world.waiting) === JobState.CANCELLED, isQueuedMeant, text);
    assert.ok(isClosed(world, id), text);
  }
});

test('preempting on a queue means the jobs with a run whose class is preemptible', async () => {
  const world = await fleet();
  const queued = submit(world, { cpu: 2, needs: YIELDING });
  const id = ask(world, PREEMPT);
  await settle(world);
  for (const [job, state] of statesOf(world).entries()) {
    assert.equal(state, job < 4 ? JobState.LEASED : JobState.PREEMPTED);
  }
  assert.equal(stateOf(world, queued), JobState.QUEUED);
  assert.deepEqual(decidedFor(world, world.leased[7]!).slice(-1), ['jobErrors']);
  assert.ok(isClosed(world, id));
});

test('a preempted run is charged until its executor no longer shows it', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world, { cpu: 8, needs: YIELDING });
  await settle(world);
  const { runId } = runOf(world, id)!;
  show(world, { runs: [runId] });
  const next = submit(world, { cpu: 8 });
  write(world, id, { $case: 'jobPreemptionRequested', value: { jobId: id, reason: 'room' } });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.PREEMPTED);
  assert.equal(stateOf(world, next), JobState.QUEUED);
  show(world, { runs: [runId] });
  await settle(world);
  assert.equal(stateOf(world, next), JobState.QUEUED);
  show(world);
  await settle(world);
  assert.equal(stateOf(world, next), JobState.LEASED);
});

test('the runs of a deleted executor are given up: queued again, failed where they may run only once', async () => {
  const world = await fleet();
  const once = submit(world, { cpu: 4, atMostOnce: true });
  show(world, { id: 'west', nodes: [node('n1', { cpu: '2' }), node('n2', { cpu: '2' }), node('n3')] });
  await settle(world);
  const { runId } = runOf(world, once)!;
  write(world, once, { $case: 'jobRunRunning', value: { jobId: once, runId, resourceInfos: [], pool: '' } });
  const there = world.leased.filter((id) => runOf(world, id)?.executorId === 'west');
  assert.equal(there.length, 4);
  world.nowMs += 10;
  dismiss(world, 'west');
  const id = ask(world, GIVE_UP, { executorId: 'west' });
  await settle(world);
  for (const each of there) {
    assert.equal(stateOf(world, each), JobState.QUEUED);
    assert.deepEqual(decidedFor(world, each), ['jobRunLeased', 'jobRunErrors', 'jobRequeued']);
  }
  assert.equal(stateOf(world, once), JobState.FAILED);
  assert.ok(isClosed(world, id));
  assert.equal(
    statesOf(world).filter((state) => state === JobState.LEASED).length,
    4,
    'those in the east go on',
  );
  // It is alive after all: it registers again, and what it still holds takes its room.
  world.saved.length = 0;
  const held = there.map((each) => world.records.get(each)!.record.runs[0]!.runId);
  show(world, { id: 'west', nodes: [node('n1', { cpu: '2' })], runs: held });
  await settle(world);
  assert.ok(there.every((each) => stateOf(world, each) === JobState.QUEUED));
  assert.deepEqual(
    world.saved.map((record) => record.id),
    ['west'],
    'a later leader knows of it again',
  );
  show(world, { id: 'west', nodes: [node('n1', { cpu: '4' })] });
  await settle(world);
  assert.ok(there.every((each) => stateOf(world, each) === JobState.LEASED));
});

test('a lease on its way to the store is on its executor', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world);
  world.isHeld = true;
  world.scheduler.tick();
  world.nowMs += 10;
  dismiss(world, 'east');
  const request = ask(world, GIVE_UP, { executorId: 'east' });
  world.scheduler.tick();
  await deliver(world);
  assert.deepEqual(decidedFor(world, id), ['jobRunLeased', 'jobRunErrors', 'jobRequeued']);
  assert.ok(isClosed(world, request));
});

test('what only a deleted executor can run waits for as long as one that is alive needs to say so', async () => {
  for (const heardForMs of [50_000, 57_000, 63_000]) {
    const world = createWorld();
    queue(world, 'q');
    const showBoth = (): void => {
      show(world);
      show(world, { id: 'west', nodes: [node('n1', { cpu: '64' })] });
    };
    while (world.nowMs < heardForMs) {
      showBoth();
      await settle(world);
      world.nowMs += 1_000;
    }
    dismiss(world, 'west');
    const id = submit(world, { cpu: 64 });
    for (let step = 0; step < 5; step++) {
      await settle(world);
      world.nowMs += 1_000;
    }
    assert.equal(stateOf(world, id), JobState.QUEUED);
    showBoth();
    await settle(world);
    assert.equal(stateOf(world, id), JobState.LEASED);
  }
});

test('a deleted executor is forgotten, and its nodes are room for nobody', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, { id: 'west', nodes: [node('n1', { cpu: '64' })] });
  await settle(world);
  dismiss(world, 'west');
  await pass(world, 60_000);
  assert.equal(world.scheduler.state.nodes.byKey.size, 0);
  show(world);
  const id = submit(world, { cpu: 64 });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.REJECTED);
});

test('an executor may be cordoned before it is seen, and is cordoned when it comes back', async () => {
  const world = createWorld();
  queue(world, 'q');
  cordon(world, 'east', true);
  show(world);
  const id = submit(world);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  dismiss(world, 'east');
  await pass(world, 60_000);
  show(world);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  cordon(world, 'east', false);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.LEASED);
});

test('a new leader repeats an operation, and means no run that was leased after the request', async () => {
  for (const [event, filter] of [
    [CANCEL, { executorId: 'east' }],
    [PREEMPT, {}],
    [GIVE_UP, { executorId: 'east' }],
  ] as const) {
    const world = createWorld();
    queue(world, 'q');
    show(world, { nodes: [node('n1', { cpu: '1' })] });
    const before = submit(world, { needs: YIELDING });
    const after = submit(world, { needs: YIELDING });
    await settle(world);
    assert.equal(stateOf(world, before), JobState.LEASED);
    world.nowMs += 10;
    // The leader dies with the request carried out and not closed.
    const id = ask(world, event, filter);
    world.scheduler.tick();
    await new Promise(setImmediate);
    assert.ok(!isClosed(world, id));
    world.nowMs += 10;
    world.scheduler = newScheduler(world);
    loadAll(world, world.scheduler, [classOf({ needs: YIELDING })]);
    show(world, { nodes: [node('n1', { cpu: '2' })] });
    world.nowMs += 10;
    await settle(world);
    assert.ok(isClosed(world, id));
    assert.equal(stateOf(world, after), JobState.LEASED);
    const first = { cancelJob: JobState.CANCELLED, jobPreemptionRequested: JobState.PREEMPTED };
    const ended = event?.$case === 'cancelJob' || event?.$case === 'jobPreemptionRequested';
    assert.equal(stateOf(world, before), ended ? first[event.$case] : JobState.LEASED);
    assert.equal(world.records.get(before)?.record.runs.length, ended ? 1 : 2);
  }
});

test('whether a run was leased before the request does not depend on the clock of the server that was asked', async () => {
  const requests: [string, Event['event'], Partial<JobFilter>][] = [
    ['cancel', CANCEL, { executorId: 'east' }],
    ['preempt', PREEMPT, {}],
  ];
  for (const skewMs of [-60_000, 60_000]) {
    for (const [name, event, filter] of requests) {
      const world = createWorld();
      queue(world, 'q');
      show(world, { nodes: [node('n1', { cpu: '1' })] });
      const before = submit(world, { needs: YIELDING });
      const after = submit(world, { needs: YIELDING });
      await settle(world);
      world.nowMs += 10;
      ask(world, event, filter, world.nowMs + skewMs);
      show(world, { nodes: [node('n1', { cpu: '2' })] });
      await settle(world);
      assert.notEqual(stateOf(world, before), JobState.LEASED, `${name} ${skewMs}`);
      assert.equal(stateOf(world, after), JobState.LEASED, `${name} ${skewMs}`);
    }
  }
});
