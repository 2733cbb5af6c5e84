/** What is old goes, in steps; what something still needs stays. */
import type { Retention, Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { changeBatch, queueChange, submitBatch, submitJobs } from './builders.ts';
import { applied, idsOf } from './compare.ts';
import { createSteppedClock, type Engine, openStore, type SteppedClock } from './engine.ts';

const DAY_MS = 86_400_000;
const RETENTION: Retention = {
  eventsMs: 14 * DAY_MS,
  recordsMs: 7 * DAY_MS,
  logMs: 3_600_000,
  logBytes: 1e9,
};

interface Kept {
  store: Store;
  clock: SteppedClock;
  /** Steps until nothing more may go; how many there were. */
  trim: (retention?: Retention) => Promise<number>;
  stream: () => Promise<number[]>;
}

async function openKept(engine: Engine, test: TestContext): Promise<Kept> {
  const clock = createSteppedClock(1_800_000_000_000);
  const store = await openStore(engine, test, { clock });
  return {
    store,
    clock,
    async trim(retention = RETENTION) {
      for (let steps = 1; ; steps++) {
        if (!(await store.trim(clock.now(), retention))) return steps;
        assert(steps < 1000, 'trimming comes to no end');
      }
    },
    stream: async () => (await store.read.stream('queue', 'set', 0, 1e9)).map(({ number }) => number),
  };
}

export function retentionSuite(engine: Engine): void {
  describe('retention', () => {
    it('removes old events from the front, and nothing young', async (test) => {
      const { store, clock, trim, stream } = await openKept(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      await applied(store, changeBatch(jobs, 'succeed', { atMs: clock.now() }));
      clock.step(10 * DAY_MS);
      const second = await applied(store, submitJobs(1));
      await trim();
      assert.deepEqual(await stream(), [1, 2, 3]);
      clock.step(4 * DAY_MS);
      await trim();
      assert.deepEqual(await stream(), [3]);
      assert.equal((await store.read.jobSet('queue', 'set'))?.firstNumber, 3);
      assert.deepEqual(idsOf(await store.read.jobs(idsOf([...jobs, ...second.jobs]))), idsOf(second.jobs));
    });

    it('trims no further than the submit of the oldest live job', async (test) => {
      const { store, clock, trim, stream } = await openKept(engine, test);
      const early = await applied(store, submitJobs(2));
      const late = await applied(store, submitJobs(1));
      await applied(store, changeBatch(early.jobs.slice(0, 1), 'succeed', { atMs: clock.now() }));
      clock.step(30 * DAY_MS);
      await trim();
      assert.deepEqual(await stream(), [1, 2, 3]);
      await applied(store, changeBatch(early.jobs.slice(1), 'succeed', { atMs: clock.now() }));
      await trim();
      assert.deepEqual(await stream(), [2, 3, 4]);
      await applied(store, changeBatch(late.jobs, 'succeed', { atMs: clock.now() }));
      await trim();
      assert.deepEqual(await stream(), [4, 5]);
    });

    it('keeps a record as long as it is young and as long as its events', async (test) => {
      const { store, clock, trim } = await openKept(engine, test);
      const entry = await applied(store, submitBatch([{ clientId: 'a' }, { clientId: 'b' }]));
      const leased = await applied(store, changeBatch(entry.jobs, 'lease'));
      const runIds = leased.jobs.flatMap(({ record }) => record?.runs.map(({ runId }) => runId) ?? []);
      await applied(store, changeBatch(leased.jobs, 'succeed', { atMs: clock.now() }));
      const ids = idsOf(entry.jobs);
      const kept = async () => [
        (await store.read.jobs(ids)).length,
        (await store.read.specs(ids)).size,
        (await store.read.claims('queue', ['a', 'b'])).length,
        (await store.read.jobsOfRuns(runIds)).size,
      ];
      clock.step(10 * DAY_MS);
      await trim();
      assert.deepEqual(await kept(), [2, 2, 2, 2], 'older than recordsMs, but its events are there');
      await trim({ ...RETENTION, eventsMs: DAY_MS, recordsMs: 11 * DAY_MS });
      assert.deepEqual(await kept(), [2, 2, 2, 2], 'its events are gone, but it is young');
      await trim();
      assert.deepEqual(await kept(), [0, 0, 0, 0]);
      assert.equal((await store.append(submitBatch([{ clientId: 'a' }]))).outcome, 'applied');
    });

    it('keeps the specs of some jobs of a request when others go', async (test) => {
      const { store, clock, trim } = await openKept(engine, test);
      const { jobs } = await applied(store, submitJobs(10));
      await applied(store, changeBatch(jobs.slice(3), 'succeed', { atMs: clock.now() }));
      clock.step(5 * DAY_MS);
      await applied(store, changeBatch(jobs.slice(0, 3), 'succeed', { atMs: clock.now() }));
      clock.step(5 * DAY_MS);
      const ids = idsOf(jobs);
      await trim({ ...RETENTION, eventsMs: DAY_MS });
      assert.deepEqual(idsOf(await store.read.jobs(ids)), ids.slice(0, 3));
      assert.deepEqual([...(await store.read.specs(ids)).keys()], ids.slice(0, 3));
      assert.equal((await store.read.jobSet('queue', 'set'))?.firstNumber, 4);
      clock.step(5 * DAY_MS);
      await trim({ ...RETENTION, eventsMs: DAY_MS });
      assert.equal((await store.read.specs(ids)).size, 0);
      assert.equal(await store.read.jobSet('queue', 'set'), undefined);
    });

    it('removes an empty job set, and never uses its message ids again', async (test) => {
      const { store, clock, trim, stream } = await openKept(engine, test);
      const { jobs, sequences } = await applied(store, submitJobs(1));
      await applied(store, changeBatch(jobs, 'succeed', { atMs: clock.now() }));
      clock.step(15 * DAY_MS);
      await trim();
      assert.equal(await store.read.jobSet('queue', 'set'), undefined);
      assert.deepEqual(await stream(), []);
      // Even when the clock has gone back since.
      clock.step(-20 * DAY_MS);
      const again = await applied(store, submitJobs(1));
      assert.equal(again.sequences[0]?.number, 1);
      assert((again.sequences[0]?.streamCreatedMs ?? 0) > (sequences[0]?.streamCreatedMs ?? Infinity));
    });

    it('forgets a deleted queue with its last job set', async (test) => {
      const { store, clock, trim } = await openKept(engine, test);
      const { jobs } = await applied(store, submitBatch([{ clientId: 'a' }]));
      await applied(store, changeBatch(jobs, 'succeed', { atMs: clock.now() }));
      await store.control({ ...queueChange('queue'), record: null });
      clock.step(15 * DAY_MS);
      await trim();
      assert.equal(await store.read.jobSet('queue', 'set'), undefined);
      assert.equal((await store.control(queueChange('queue', 0))).outcome, 'applied');
      assert.equal((await store.append(submitBatch([{ clientId: 'a' }]))).outcome, 'applied');
    });

    it('does much in many small steps', async (test) => {
      const { store, clock, trim, stream } = await openKept(engine, test);
      for (let i = 0; i < 3; i++) {
        const { jobs } = await applied(store, submitJobs(700));
        await applied(store, changeBatch(jobs, 'succeed', { atMs: clock.now() }));
      }
      const pinned = await applied(store, submitJobs(1, { jobSet: 'pinned' }));
      clock.step(15 * DAY_MS);
      const steps = await trim();
      assert(steps > 2, `${steps} steps`);
      assert.deepEqual(await stream(), []);
      assert.equal(await store.read.jobSet('queue', 'set'), undefined);
      assert.deepEqual(await store.read.liveJobIds('queue', 'pinned', '', 5), idsOf(pinned.jobs));
      assert.equal(await trim(), 1);
    });
  });
}
