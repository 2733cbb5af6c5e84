/** What a new leader loads: everything live, page by page, and nothing else. */
import { Batch, Operation } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, classOf, queueChange, submitBatch, submitJobs } from './builders.ts';
import { allActive, applied, idsOf, shownJob } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

export function activeSuite(engine: Engine): void {
  describe('active jobs', () => {
    it('loads every live job once, over many pages', async (test) => {
      const store = await openStore(engine, test);
      await store.control(queueChange('other', 0));
      const live = new Map<string, string>();
      for (const [queue, jobSet] of [
        ['queue', 'a'],
        ['other', 'a'],
        ['queue', 'b'],
      ] as const) {
        const { jobs } = await applied(store, submitJobs(900, { queue, jobSet }));
        const ended = await applied(store, changeBatch(jobs.slice(0, 100), 'succeed'));
        const leased = await applied(store, changeBatch(jobs.slice(100, 150), 'lease'));
        assert.equal(ended.jobs.length, 100);
        for (const job of [...leased.jobs, ...jobs.slice(150)])
          live.set(idsOf([job])[0] ?? '', shownJob(job));
      }
      const { jobs } = await allActive(store);
      assert.equal(jobs.length, live.size);
      for (const job of jobs) assert.equal(shownJob(job), live.get(idsOf([job])[0] ?? ''));
    });

    it('tells at which entry a job was submitted, also after it has changed', async (test) => {
      const store = await openStore(engine, test);
      const first = await applied(store, submitJobs(2));
      const second = await applied(store, submitJobs(1));
      await applied(store, changeBatch(first.jobs.slice(0, 1), 'lease'));
      const { jobs } = await allActive(store);
      const numbers = new Map(jobs.map((job) => [idsOf([job])[0], job.submittedNumber]));
      for (const id of idsOf(first.jobs)) assert.equal(numbers.get(id), first.number);
      assert.equal(numbers.get(idsOf(second.jobs)[0]), second.number);
    });

    it('brings the classes of live jobs', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(
        store,
        submitBatch([
          { schedulingClass: 'small' },
          { schedulingClass: 'large' },
          { schedulingClass: 'large' },
        ]),
      );
      const classes = async () => {
        const all = (await allActive(store)).classes.map((each) => [each.id, each] as const);
        return new Map(all);
      };
      const both = await classes();
      assert.deepEqual([...both.keys()].toSorted(), ['large', 'small']);
      assert.deepEqual(both.get('large')?.requests, classOf('large').requests);
      await applied(store, changeBatch(jobs.slice(1), 'succeed'));
      assert.deepEqual([...(await classes()).keys()], ['small']);
      const ended = await store.read.jobs(idsOf(jobs.slice(1)));
      assert(ended.every(({ record }) => record?.schedulingClass === 'large'));
      await applied(store, changeBatch(jobs.slice(0, 1), 'succeed'));
      assert.deepEqual([...(await classes()).keys()], []);
      await applied(store, submitBatch([{ schedulingClass: 'large' }]));
      assert.deepEqual([...(await classes()).keys()], ['large']);
    });

    it('brings open operations with the number that opened them, until they are closed', async (test) => {
      const store = await openStore(engine, test);
      await applied(store, submitJobs(1));
      const operation = Operation.fromPartial({
        id: 'cancel-set',
        queue: 'queue',
        jobSet: 'set',
        requestor: 'alice',
      });
      const entry = await applied(store, Batch.fromPartial({ queue: 'queue', opened: [operation] }));
      assert.equal(entry.opened[0]?.openedAtNumber, entry.number);
      const [open] = (await allActive(store)).operations;
      assert.deepEqual(
        open && Operation.encode(open).finish(),
        Operation.encode({ ...operation, openedAtNumber: entry.number }).finish(),
      );
      await applied(store, Batch.fromPartial({ queue: 'queue', closed: ['cancel-set'] }));
      assert.deepEqual((await allActive(store)).operations, []);
    });

    it('pages live ids of one job set', async (test) => {
      const store = await openStore(engine, test);
      const ids = idsOf((await applied(store, submitJobs(25))).jobs);
      await applied(store, submitJobs(3, { jobSet: 'other' }));
      const pages = [];
      let page = await store.read.liveJobIds('queue', 'set', '', 10);
      while (page.length > 0) {
        pages.push(page);
        page = await store.read.liveJobIds('queue', 'set', page.at(-1) ?? '', 10);
      }
      assert.deepEqual(
        pages.map(({ length }) => length),
        [10, 10, 5],
      );
      assert.deepEqual(pages.flat(), ids);
    });
  });
}
