/** Lists of jobs: by job set and state, page by page, and by the address they have elsewhere. */
import { JobState } from '@armada-ts/api/api/job';
import type { JobSetPart, Store, StoredJob } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, queueChange, submitBatch, submitJobs } from './builders.ts';
import { applied, idsOf, shownJob } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

/** All pages of a job set. */
async function pages(store: Store, jobSet: string, part: Omit<JobSetPart, 'afterId'>): Promise<StoredJob[]> {
  const all: StoredJob[] = [];
  for (;;) {
    const afterId = idsOf(all).at(-1) ?? '';
    const page = await store.read.jobsOfSet('queue', jobSet, { ...part, afterId });
    assert(page.length <= part.limit);
    if (page.length === 0) return all;
    all.push(...page);
  }
}

export function listsSuite(engine: Engine): void {
  describe('lists of jobs', () => {
    it('gives the active job sets of a queue by name, however many there are', async (test) => {
      const store = await openStore(engine, test);
      const names = Array.from({ length: 1100 }, (_, i) => `set-${String(i).padStart(4, '0')}`);
      await Promise.all(names.map((jobSet) => applied(store, submitJobs(1, { jobSet }))));
      const infos = await store.read.activeJobSets('queue');
      assert.deepEqual(
        infos.map(({ jobSet, queued }) => [jobSet, queued]),
        names.map((name) => [name, 1]),
      );
    });

    it('names the queues with live jobs, in order', async (test) => {
      const store = await openStore(engine, test);
      assert.deepEqual(await store.read.activeQueues(), []);
      for (const name of ['idle', 'über', 'else', 'over']) await store.control(queueChange(name, 0));
      await applied(store, submitJobs(2, { queue: 'über' }));
      await applied(store, submitJobs(1, { queue: 'queue' }));
      const leasedIn = async (queue: string) => {
        const { jobs } = await applied(store, submitJobs(1, { queue }));
        return (await applied(store, changeBatch(jobs, 'lease'))).jobs;
      };
      const leased = await leasedIn('else');
      await applied(store, changeBatch(await leasedIn('over'), 'succeed'));
      assert.deepEqual(await store.read.activeQueues(), ['else', 'queue', 'über']);
      await applied(store, changeBatch(leased, 'succeed'));
      assert.deepEqual(await store.read.activeQueues(), ['queue', 'über']);
    });

    it('gives the jobs of a set by id and state, each once over many pages', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(30));
      await applied(store, submitJobs(3, { jobSet: 'other' }));
      const leased = await applied(store, changeBatch(jobs.slice(5, 20), 'lease'));
      const running = await applied(store, changeBatch(leased.jobs.slice(0, 10), 'run'));
      const ended = await applied(store, changeBatch(running.jobs.slice(0, 4), 'succeed'));
      const requeued = await applied(store, changeBatch(leased.jobs.slice(10, 12), 'requeue'));

      const now = new Map(jobs.map((job) => [idsOf([job])[0], job]));
      for (const job of [leased, running, ended, requeued].flatMap((entry) => entry.jobs))
        now.set(idsOf([job])[0], job);
      const inState = (...states: JobState[]) =>
        [...now.values()].filter(({ record }) => record && states.includes(record.state)).map(shownJob);

      const list = async (...states: JobState[]) =>
        (await pages(store, 'set', { states, limit: 7 })).map(shownJob);
      assert.deepEqual(await list(), [...now.values()].map(shownJob));
      const { QUEUED, LEASED, RUNNING, SUCCEEDED, FAILED } = JobState;
      assert.equal(inState(QUEUED).length, 17);
      assert.deepEqual(await list(QUEUED), inState(QUEUED));
      assert.deepEqual(await list(LEASED), inState(LEASED));
      assert.deepEqual(await list(RUNNING, QUEUED), inState(RUNNING, QUEUED));
      assert.deepEqual(await list(SUCCEEDED, SUCCEEDED), inState(SUCCEEDED));
      assert.deepEqual(await list(FAILED), []);
      assert.deepEqual(await pages(store, 'nothing', { states: [], limit: 7 }), []);
      assert.deepEqual(
        await store.read.jobsOfSet('nobody', 'set', { states: [], afterId: '', limit: 1 }),
        [],
      );
    });

    it('names the job sets that have records, in order', async (test) => {
      const store = await openStore(engine, test);
      await store.control(queueChange('else', 0));
      for (const jobSet of ['b', 'c', 'a']) await applied(store, submitJobs(1, { jobSet }));
      await applied(store, submitJobs(1, { queue: 'else', jobSet: 'd' }));
      assert.deepEqual(await store.read.jobSetNames('queue', '', 10), ['a', 'b', 'c']);
      assert.deepEqual(await store.read.jobSetNames('queue', 'b', 10), ['b', 'c']);
      assert.deepEqual(await store.read.jobSetNames('queue', 'aa', 1), ['b']);
      assert.deepEqual(await store.read.jobSetNames('nobody', '', 10), []);
    });

    it('finds jobs by their external URI within their job set, also after they have changed', async (test) => {
      const store = await openStore(engine, test);
      const externalJobUri = 'https://example.com/1';
      const batch = submitBatch([
        { externalJobUri },
        {},
        { externalJobUri: `${externalJobUri}0` },
        { externalJobUri },
      ]);
      const { jobs } = await applied(store, batch);
      await applied(store, submitBatch([{ externalJobUri }], { jobSet: 'other' }));
      const [first, , , last] = jobs;
      assert(first && last);
      const leased = await applied(store, changeBatch([last], 'lease'));
      const found = await store.read.jobsByExternalUri('queue', 'set', externalJobUri);
      assert.deepEqual(found.map(shownJob), [first, ...leased.jobs].map(shownJob));
      assert.equal(found[1]?.record?.externalJobUri, externalJobUri);
      assert.deepEqual(await store.read.jobsByExternalUri('queue', 'set', 'https://example.com'), []);
      assert.deepEqual(await store.read.jobsByExternalUri('queue', 'nothing', externalJobUri), []);
    });
  });
}
