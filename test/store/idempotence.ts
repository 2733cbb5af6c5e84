/** An append whose outcome is unknown may be sent again: design.md's answer to a lost answer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, submitBatch, submitJobs } from './builders.ts';
import { applied, shownJob, snapshot } from './compare.ts';
import { type Engine, openPlace, openStore } from './engine.ts';
import { queueChange } from './builders.ts';

export function idempotenceSuite(engine: Engine): void {
  describe('idempotence', () => {
    it('answers repeated to a submit that was applied, and changes nothing', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitBatch([{ clientId: 'a' }, {}]);
      await applied(store, batch);
      const before = await snapshot(store, 'queue');
      assert.deepEqual(await store.append(batch), { outcome: 'repeated' });
      assert.deepEqual(await snapshot(store, 'queue'), before);
    });

    it('answers repeated before it looks at the queue or at claims', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitBatch([{ clientId: 'a' }]);
      const entry = await applied(store, batch);
      await applied(store, changeBatch(entry.jobs, 'succeed'));
      const removed = await store.control({ ...queueChange('queue'), record: null });
      assert.equal(removed.outcome, 'applied');
      assert.deepEqual(await store.append(batch), { outcome: 'repeated' });
    });

    it('applies one of many equal submits at once', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitJobs(7);
      const results = await Promise.all(Array.from({ length: 8 }, () => store.append(batch)));
      const outcomes = results.map(({ outcome }) => outcome).toSorted();
      assert.deepEqual(outcomes, ['applied', ...Array<string>(7).fill('repeated')]);
      assert.equal((await store.read.jobSet('queue', 'set'))?.queued, 7);
    });

    it('answers stale to a change that was applied, with what it made', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      const batch = changeBatch(jobs, 'lease');
      const { jobs: leased } = await applied(store, batch);
      const result = await store.append(batch);
      assert(result.outcome === 'stale');
      assert.deepEqual(result.current.map(shownJob), leased.map(shownJob));
    });

    it('remembers across closing and opening', async (test) => {
      const { reopen } = await openPlace(engine, test);
      let store = await reopen();
      await store.control(queueChange('queue'));
      const batch = submitJobs(1);
      await applied(store, batch);
      store = await reopen();
      assert.deepEqual(await store.append(batch), { outcome: 'repeated' });
    });
  });
}
