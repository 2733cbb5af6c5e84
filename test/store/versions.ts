/** A change holds only for the version it was derived from. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, submitJobs } from './builders.ts';
import { applied, idsOf, shownJob, snapshot } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

export function versionsSuite(engine: Engine): void {
  describe('versions', () => {
    it('takes a change of the current version and moves the counters', async (test) => {
      const store = await openStore(engine, test);
      const submitted = await applied(store, submitJobs(3));
      const leased = await applied(store, changeBatch(submitted.jobs.slice(0, 2), 'lease'));
      assert.equal(leased.number, submitted.number + 1);
      assert(leased.jobs.every(({ version }) => version === leased.number));
      const counts = async () => {
        const info = await store.read.jobSet('queue', 'set');
        return [info?.queued, info?.leased, info?.lastNumber];
      };
      assert.deepEqual(await counts(), [1, 2, 2]);
      const running = await applied(store, changeBatch(leased.jobs, 'run'));
      assert.deepEqual(await counts(), [1, 2, 3]);
      const [ended, back] = running.jobs;
      assert(ended && back);
      await applied(store, changeBatch([ended], 'succeed'));
      assert.deepEqual(await counts(), [1, 1, 4]);
      await applied(store, changeBatch([back], 'requeue'));
      assert.deepEqual(await counts(), [2, 0, 5]);
      assert.deepEqual(await store.read.liveJobIds('queue', 'set', '', 9), idsOf(submitted.jobs.slice(1)));
    });

    it('refuses stale changes whole and tells all current records', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(4));
      const moved = await applied(store, changeBatch(jobs.slice(1, 3), 'lease'));
      const before = await snapshot(store, 'queue');
      const result = await store.append(changeBatch(jobs, 'lease'));
      assert(result.outcome === 'stale');
      assert.deepEqual(result.current.map(shownJob), moved.jobs.map(shownJob));
      assert.deepEqual(await snapshot(store, 'queue'), before);
    });

    it('leaves a job that is not there out of the current records', async (test) => {
      const store = await openStore(engine, test);
      const jobs = submitJobs(1).submitted.map(({ record }) => ({ record, version: 1 }));
      assert.deepEqual(await store.append(changeBatch(jobs, 'lease')), { outcome: 'stale', current: [] });
    });

    it('lets one of two concurrent changes win', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      const results = await Promise.all(
        Array.from({ length: 10 }, () => store.append(changeBatch(jobs, 'lease'))),
      );
      const outcomes = results.map(({ outcome }) => outcome).toSorted();
      assert.deepEqual(outcomes, ['applied', ...Array<string>(9).fill('stale')]);
    });

    it('finds jobs by their current and earlier runs', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(2));
      const first = await applied(store, changeBatch(jobs, 'lease'));
      const back = await applied(store, changeBatch(first.jobs, 'requeue'));
      const second = await applied(store, changeBatch(back.jobs, 'lease'));
      const runIds = second.jobs.flatMap(({ record }) => record?.runs.map(({ runId }) => runId) ?? []);
      assert.equal(new Set(runIds).size, 4);
      const unknown = '00000000-0000-8000-8000-000000000000';
      const found = await store.read.jobsOfRuns([unknown, 'no id', ...runIds]);
      assert.deepEqual([...found.keys()], runIds);
      const shown = second.jobs.map(shownJob);
      assert.deepEqual([...found.values()].map(shownJob), [shown[0], shown[0], shown[1], shown[1]]);
    });
  });
}
