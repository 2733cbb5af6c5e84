/**
 * Random histories of everything that can happen around the scheduler. After
 * each step: no node holds more than it offers, counting runs that are still
 * stopping; what is charged is what the records say; cordoned places get nothing
 * new, and drained ones are empty; and in the end every job
 * that was cancelled or finished has ended, and nothing is left behind.
 */
import { Drain } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { countJobs, findJob } from './jobs.ts';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Place, settingsName } from '../model/executor-settings.ts';
import { isTerminal, validRun } from '../model/job.ts';
import {
  type World,
  createWorld,
  deliver,
  node,
  pass,
  queue,
  set,
  settle,
  show,
  submit,
  unset,
  write,
} from './testing/world.ts';

const RUNS = process.env['ARMADA_TEST_LONG'] === '1' ? 1_500 : 120;
const NODES = [node('n1', { cpu: '4' }), node('n2', { cpu: '6' })];
const CAPACITY = new Map([
  ['n1', 4],
  ['n2', 6],
]);
const EXECUTORS = ['east', 'west'];
const PLACES = EXECUTORS.flatMap((executorId) => ['', 'n1', 'n2'].map((node) => ({ executorId, node })));

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('submit' as const), cpu: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('succeed' as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('return' as const), which: fc.nat(), attempted: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('show' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 70_000, 601_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      place: fc.constantFrom(...PLACES),
      drain: fc.constantFrom(Drain.DRAIN_UNSPECIFIED, Drain.DRAIN_ALL, Drain.DRAIN_NOT_RUNNING),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('unset' as const), place: fc.constantFrom(...PLACES) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deliver' as const) }) },
);

/** What really runs on the executors: run id to place and size. */
type Fleet = Map<string, { executor: string; node: string; cpu: number }>;

function usedOn(fleet: Fleet, executor: string, name: string): number {
  let used = 0;
  for (const run of fleet.values()) if (run.executor === executor && run.node === name) used += run.cpu;
  return used;
}

/** Executors start whatever is leased to them, unless it is stopping already. */
function startLeased(world: World, fleet: Fleet, sizes: Map<string, number>, finished: Set<string>): void {
  for (const { record } of world.records.values()) {
    const run = validRun(record);
    if (run === undefined || finished.has(run.runId)) continue;
    fleet.set(run.runId, { executor: run.executorId, node: run.node, cpu: sizes.get(record.jobId)! });
  }
  for (const executor of EXECUTORS) {
    for (const [name, cpu] of CAPACITY) {
      assert.ok(usedOn(fleet, executor, name) <= cpu, `${executor}/${name} is filled beyond what it offers`);
    }
  }
}

function checkCharges(world: World): void {
  const { jobs, charges } = world.scheduler.state;
  for (const { record } of world.records.values()) {
    const run = validRun(record);
    if (run) assert.equal(charges.byRun.get(run.runId)?.state, 'valid');
    assert.equal(findJob(jobs, record.jobId) !== -1, !isTerminal(record.state));
  }
  const valid = [...charges.byRun.values()].filter((one) => one.state === 'valid').length;
  const wanted = [...world.records.values()].filter(({ record }) => validRun(record)).length;
  assert.equal(valid, wanted);
}

/** Runs that each cordoned place had when it was cordoned, by its name. */
type Cordoned = Map<string, { place: Place; drain: Drain; had: ReadonlySet<string> }>;

function close(world: World, cordoned: Cordoned, place: Place, drain: Drain): void {
  const { byRun } = world.scheduler.state.charges;
  const had = cordoned.get(settingsName(place))?.had ?? new Set(byRun.keys());
  cordoned.set(settingsName(place), { place, drain, had });
  set(world, { ...place, drain });
}

/** Cordoned places get nothing new, and those that are drained have nothing left. */
function checkCordons(world: World, cordoned: Cordoned): void {
  for (const { record } of world.records.values()) {
    const run = validRun(record);
    if (run === undefined) continue;
    for (const { place, drain, had } of cordoned.values()) {
      if (place.executorId !== run.executorId || (place.node !== '' && place.node !== run.node)) continue;
      assert.ok(had.has(run.runId), `a run came to ${run.executorId}/${run.node}, which is cordoned`);
      assert.equal(drain, Drain.DRAIN_UNSPECIFIED, `a run is left on ${run.executorId}/${run.node}`);
    }
  }
}

async function play(steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): Promise<void> {
  const world = createWorld({ maxAttempts: 2 });
  const fleet: Fleet = new Map();
  const sizes = new Map<string, number>();
  const finished = new Set<string>();
  const cordoned: Cordoned = new Map();
  queue(world, 'q');
  const pick = (which: number): string | undefined => [...world.records.keys()][which % world.records.size];
  const showOne = (id: string): void => {
    // Only the first node carries runs in the fixture; the executor does not care where they are.
    const runs = [...fleet].filter(([, run]) => run.executor === id).map(([run]) => run);
    show(world, { id, nodes: NODES, runs });
  };
  for (const id of EXECUTORS) showOne(id);
  for (const one of steps) {
    const id = 'which' in one ? pick(one.which) : undefined;
    const record = id === undefined ? undefined : world.records.get(id)?.record;
    const run = record && validRun(record);
    if (one.do === 'submit') sizes.set(submit(world, { cpu: one.cpu }), one.cpu);
    else if (one.do === 'show') showOne(EXECUTORS[one.which % 2]!);
    else if (one.do === 'stop') {
      const { byRun } = world.scheduler.state.charges;
      for (const runId of fleet.keys()) if (byRun.get(runId)?.state === 'leaving') fleet.delete(runId);
    } else if (one.do === 'set') close(world, cordoned, one.place, one.drain);
    else if (one.do === 'unset') {
      unset(world, one.place);
      cordoned.delete(settingsName(one.place));
    } else if (one.do === 'wait') await pass(world, one.ms);
    else if (one.do === 'hold') world.isHeld = true;
    else if (one.do === 'deliver') await deliver(world);
    else if (record && !isTerminal(record.state) && one.do === 'cancel' && !record.cancel) {
      write(world, record.jobId, { $case: 'cancelJob', value: { jobId: record.jobId, reason: '' } });
    } else if (record && run && one.do === 'succeed') {
      const value = { jobId: record.jobId, runId: run.runId, resourceInfos: [] };
      write(world, record.jobId, { $case: 'jobRunSucceeded', value });
      fleet.delete(run.runId);
      finished.add(run.runId);
    } else if (record && run && one.do === 'return') {
      fleet.delete(run.runId);
      finished.add(run.runId);
      giveBack(world, record.jobId, run.runId, one.attempted);
    }
    await settle(world);
    startLeased(world, fleet, sizes, finished);
    if (!world.isHeld) {
      checkCharges(world);
      checkCordons(world, cordoned);
    }
  }
  await deliver(world);
  for (const { record } of Array.from(world.records.values())) {
    if (isTerminal(record.state) || record.cancel) continue;
    write(world, record.jobId, { $case: 'cancelJob', value: { jobId: record.jobId, reason: '' } });
  }
  await settle(world);
  for (const { record } of world.records.values())
    assert.ok(isTerminal(record.state), JSON.stringify(record.state));
  fleet.clear();
  for (let times = 0; times < 2; times++) for (const id of EXECUTORS) showOne(id);
  const { charges, nodes, classes, waiting, needs, jobs, drained } = world.scheduler.state;
  assert.equal(charges.byRun.size + charges.byNode.size + charges.leaving.size, 0);
  assert.equal(classes.byKey.size + needs.size + waiting.size + countJobs(jobs) + jobs.sets.byKey.size, 0);
  assert.equal(drained.size, 0);
  for (const [index] of nodes.facts.entries()) {
    assert.equal(nodes.free[index * nodes.width + 1], nodes.capacity[index * nodes.width + 1]);
  }
}

function giveBack(world: World, jobId: string, runId: string, runAttempted: boolean): void {
  const value = { objectMeta: undefined, message: '', podNumber: 0, runAttempted, debugMessage: '' };
  const error = { terminal: true, failureCategory: '', failureSubcategory: '', retryPolicyName: '' };
  const reason = { $case: 'podLeaseReturned' as const, value };
  write(world, jobId, { $case: 'jobRunErrors', value: { jobId, runId, errors: [{ ...error, reason }] } });
}

test('any history keeps nodes within what they offer, and leaves nothing behind', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), play), {
    numRuns: RUNS,
    seed: 20261121,
  });
});
