/** A client id stands for one job of its queue, as long as the job's record is kept. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { changeBatch, queueChange, submitBatch } from './builders.ts';
import { applied, idsOf, snapshot } from './compare.ts';
import { createSteppedClock, type Engine, openStore } from './engine.ts';

export function claimsSuite(engine: Engine): void {
  describe('claims', () => {
    it('reads claims in the order asked for, with job and hash', async (test) => {
      const store = await openStore(engine, test);
      const [a = '', , b = ''] = idsOf(
        (await applied(store, submitBatch([{ clientId: 'a' }, {}, { clientId: 'b' }]))).jobs,
      );
      const claims = await store.read.claims('queue', ['b', 'unknown', '', 'a']);
      assert.deepEqual(
        claims.map(({ clientId, jobId, hash }) => ({ clientId, jobId, hash: Buffer.from(hash) })),
        [
          { clientId: 'b', jobId: b, hash: createHash('sha256').update('b').digest() },
          { clientId: 'a', jobId: a, hash: createHash('sha256').update('a').digest() },
        ],
      );
    });

    it('refuses a batch with taken client ids whole and tells all of them', async (test) => {
      const store = await openStore(engine, test);
      await applied(store, submitBatch([{ clientId: 'a' }, { clientId: 'b' }]));
      const before = await snapshot(store, 'queue');
      const result = await store.append(
        submitBatch([{ clientId: 'b' }, { clientId: 'c' }, { clientId: 'a' }, {}]),
      );
      assert(result.outcome === 'claimed');
      assert.deepEqual(
        result.claims.map(({ clientId }) => clientId),
        ['b', 'a'],
      );
      assert.deepEqual(await store.read.claims('queue', ['b', 'a']), result.claims);
      assert.deepEqual(await snapshot(store, 'queue'), before);
      assert.deepEqual(await store.read.claims('queue', ['c']), []);
    });

    it('keeps client ids of different queues apart', async (test) => {
      const store = await openStore(engine, test);
      await store.control(queueChange('other', 0));
      await applied(store, submitBatch([{ clientId: 'a' }]));
      await applied(store, submitBatch([{ clientId: 'a' }], { queue: 'other' }));
    });

    it('holds for a client id in another job set of the queue', async (test) => {
      const store = await openStore(engine, test);
      await applied(store, submitBatch([{ clientId: 'a' }], { jobSet: 'one' }));
      const { outcome } = await store.append(submitBatch([{ clientId: 'a' }], { jobSet: 'two' }));
      assert.equal(outcome, 'claimed');
    });

    it('lets one of many submits under one client id win', async (test) => {
      const store = await openStore(engine, test);
      const batches = Array.from({ length: 10 }, () => submitBatch([{ clientId: 'contested' }]));
      const results = await Promise.all(batches.map((batch) => store.append(batch)));
      const won = results.filter(({ outcome }) => outcome === 'applied');
      assert.equal(won.length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === 'claimed').length, 9);
      const [claim] = await store.read.claims('queue', ['contested']);
      const winner = batches[results.findIndex(({ outcome }) => outcome === 'applied')];
      assert.equal(claim?.jobId, idsOf(winner?.submitted ?? [])[0]);
    });

    it('leaves claims as they are when a batch comes again whose first job is kept no longer', async (test) => {
      const clock = createSteppedClock(1_800_000_000_000);
      const store = await openStore(engine, test, { clock });
      const batch = submitBatch([{ clientId: 'a' }, { clientId: 'b' }]);
      const { jobs } = await applied(store, batch);
      for (const job of jobs) {
        await applied(store, changeBatch([job], 'succeed', { atMs: clock.now() }));
        clock.step(5000);
      }
      const retention = { eventsMs: 1, recordsMs: 7000, logMs: 1e9, logBytes: 1e9 };
      while (await store.trim(clock.now(), retention)) test.signal.throwIfAborted();
      const claims = async () => (await store.read.claims('queue', ['a', 'b'])).map(({ jobId }) => jobId);
      assert.deepEqual(await claims(), idsOf(jobs.slice(1)));
      assert.equal((await store.append(batch)).outcome, 'claimed');
      assert.deepEqual(await claims(), idsOf(jobs.slice(1)));
    });
  });
}
