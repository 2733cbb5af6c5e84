/** Who leads is decided by terms: a later one seals every partition against earlier ones. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, queueChange, submitJobs } from './builders.ts';
import { applied, leadAnew, snapshot } from './compare.ts';
import { type Engine, openPlace, openStore } from './engine.ts';

export function termsSuite(engine: Engine): void {
  describe('terms', () => {
    it('counts terms up and tells the heads', async (test) => {
      const { reopen } = await openPlace(engine, test);
      let store = await reopen();
      const first = await leadAnew(store);
      assert.deepEqual(first.heads, await store.heads());
      assert.equal(first.heads.length, store.info.partitions);
      await store.control(queueChange('queue'));
      const second = await leadAnew(store);
      assert(second.term > first.term);
      assert.deepEqual(second.heads, await store.heads());
      store = await reopen();
      assert((await leadAnew(store)).term > second.term);
    });

    it('refuses batches of earlier terms and takes those of the current', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      const { term: old } = await leadAnew(store);
      const { term } = await leadAnew(store);
      const before = await snapshot(store, 'queue');
      assert.deepEqual(await store.append(changeBatch(jobs, 'lease', { term: old })), {
        outcome: 'sealed',
        term,
      });
      assert.deepEqual(await snapshot(store, 'queue'), before);
      const leased = await applied(store, changeBatch(jobs, 'lease', { term }));
      await applied(store, changeBatch(leased.jobs, 'run', { term }));
    });

    it('says sealed before stale', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      await applied(store, changeBatch(jobs, 'lease'));
      const { term } = await leadAnew(store);
      const { outcome } = await store.append(changeBatch(jobs, 'lease', { term: term - 1 }));
      assert.equal(outcome, 'sealed');
    });

    it('raises the term of a partition by a batch of a later one', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      const { term } = await leadAnew(store);
      const { jobs: leased } = await applied(store, changeBatch(jobs, 'lease', { term: term + 5 }));
      assert.deepEqual(await store.append(changeBatch(leased, 'run', { term })), {
        outcome: 'sealed',
        term: term + 5,
      });
      assert.equal((await leadAnew(store)).term, term + 6);
    });

    it('lets clients and executors write without a term', async (test) => {
      const store = await openStore(engine, test);
      await leadAnew(store);
      const { jobs } = await applied(store, submitJobs(1));
      await applied(store, changeBatch(jobs, 'lease'));
    });
  });
}
