/** The stream of a job set: gapless numbers from 1, read in order from any place. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventBatch } from './append.ts';
import { submitJobs } from './builders.ts';
import { applied, shownSequence } from './compare.ts';
import { createSteppedClock, type Engine, openPlace, openStore } from './engine.ts';

export function streamsSuite(engine: Engine): void {
  describe('streams', () => {
    it('numbers sequences of each job set from 1', async (test) => {
      const store = await openStore(engine, test);
      const numbers = [];
      for (const jobSet of ['a', 'b', 'a', 'a', 'b']) {
        const { sequences } = await applied(store, submitJobs(1, { jobSet }));
        numbers.push(`${jobSet}${sequences[0]?.number}`);
      }
      assert.deepEqual(numbers, ['a1', 'b1', 'a2', 'a3', 'b2']);
    });

    it('reads after a number, up to about so many bytes but at least one', async (test) => {
      const store = await openStore(engine, test);
      const written = [];
      for (let i = 0; i < 6; i++) written.push(...(await applied(store, submitJobs(5))).sequences);
      const shown = written.map(shownSequence);
      const read = async (after: number, maxBytes: number) =>
        (await store.read.stream('queue', 'set', after, maxBytes)).map(shownSequence);
      assert.deepEqual(await read(0, 1e6), shown);
      assert.deepEqual(await read(4, 1e6), shown.slice(4));
      assert.deepEqual(await read(2, 0), shown.slice(2, 3));
      assert.deepEqual(await read(6, 1e6), []);
      const some = await read(0, 700);
      assert(some.length > 1 && some.length < 6, `${some.length} sequences in about 700 bytes`);
      assert.deepEqual(some, shown.slice(0, some.length));
      assert.deepEqual(await store.read.stream('queue', 'unknown', 0, 1e6), []);
    });

    it('keeps long sequences and sequences without jobs as they are', async (test) => {
      const store = await openStore(engine, test);
      const ids = submitJobs(2000).submitted.map(({ record }) => record?.jobId ?? '');
      const { sequences } = await applied(store, eventBatch('queue', 'long', ids));
      const read = await store.read.stream('queue', 'long', 0, 1);
      assert.deepEqual(read.map(shownSequence), sequences.map(shownSequence));
      assert.equal(read[0]?.events?.events.length, 2000);
    });

    it('dates a stream by the clock, and not before the store', async (test) => {
      const clock = createSteppedClock(1_800_000_000_000);
      const { reopen } = await openPlace(engine, test, { clock });
      const store = await reopen();
      assert(store.info.epochMs <= clock.now());
      clock.step(5000);
      const [later] = (await applied(store, eventBatch('queue', 'a', []))).sequences;
      assert.equal(later?.streamCreatedMs, 1_800_000_005_000);
      clock.step(-60_000);
      const [earlier] = (await applied(store, eventBatch('queue', 'b', []))).sequences;
      assert.equal(earlier?.streamCreatedMs, Math.max(store.info.epochMs, clock.now()));
      const [same] = (await applied(store, eventBatch('queue', 'a', []))).sequences;
      assert.equal(same?.streamCreatedMs, 1_800_000_005_000);
    });
  });
}
