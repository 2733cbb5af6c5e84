/** Batches are whole or not at all, numbered without gaps, and counted right, also side by side. */
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { partitionOfSlot, slotOfQueue } from '@armada-ts/server/model/ids';
import type { LogEntry, Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { changeBatch, eventsOf, queueChange, submitBatch, submitEvent, submitJobs } from './builders.ts';
import {
  allActive,
  applied,
  entryOf,
  idsOf,
  shownEntry,
  shownJob,
  shownSequence,
  snapshot,
} from './compare.ts';
import { type Engine, openPlace, openStore } from './engine.ts';

export function appendSuite(engine: Engine): void {
  describe('append', () => {
    it('takes as many jobs at once as one request may have', { timeout: 60_000 }, async (test) => {
      const store = await openStore(engine, test);
      const jobs = Array.from({ length: 20_000 }, (_, i) => ({ clientId: String(i) }));
      const entry = await applied(store, submitBatch(jobs));
      assert.equal((await store.read.jobSet('queue', 'set'))?.queued, jobs.length);
      assert.equal((await store.read.jobs(idsOf(entry.jobs))).length, jobs.length);
    });

    it('writes events, records and counters as one entry', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitJobs(3);
      const [before] = [await store.heads()];
      const entry = await applied(store, batch);
      const partition = partitionOfSlot(slotOfQueue('queue'), store.info.partitions);
      assert.equal(entry.partition, partition);
      assert.equal(entry.number, (before[partition] ?? 0) + 1);
      assert.equal((await store.heads())[partition], entry.number);
      assert.deepEqual(idsOf(entry.jobs), idsOf(batch.submitted));
      assert(entry.jobs.every(({ version }) => version === entry.number));
      const ids = idsOf(batch.submitted);
      assert.deepEqual((await store.read.jobs(ids)).map(shownJob), entry.jobs.map(shownJob));
      const stream = await store.read.stream('queue', 'set', 0, 1e6);
      assert.deepEqual(stream.map(shownSequence), entry.sequences.map(shownSequence));
      assert.deepEqual(await store.read.liveJobIds('queue', 'set', '', 10), ids);
      assert.deepEqual(await store.read.jobSet('queue', 'set'), {
        queue: 'queue',
        jobSet: 'set',
        streamCreatedMs: entry.sequences[0]?.streamCreatedMs,
        lastNumber: 1,
        firstNumber: 1,
        queued: 3,
        leased: 0,
      });
    });

    it('keeps the order of the question and leaves out what is not there', async (test) => {
      const store = await openStore(engine, test);
      const [a = '', b = ''] = idsOf((await applied(store, submitJobs(2))).jobs);
      const [unknown = ''] = idsOf(submitJobs(1).submitted);
      assert.deepEqual(idsOf(await store.read.jobs([b, unknown, 'no id', a, b])), [b, a, b]);
    });

    it('spans job sets of one queue', async (test) => {
      const store = await openStore(engine, test);
      const [one, two] = [submitJobs(2, { jobSet: 'one' }), submitJobs(1, { jobSet: 'two' })];
      const batch = Batch.fromPartial({
        queue: 'queue',
        sequences: [...one.sequences, ...two.sequences],
        submitted: [...one.submitted, ...two.submitted].sort((a, b) => (idsOf([a]) < idsOf([b]) ? -1 : 1)),
        classes: one.classes,
      });
      await applied(store, batch);
      const jobSets = await store.read.activeJobSets('queue');
      assert.deepEqual(
        jobSets.map(({ jobSet, queued, lastNumber }) => [jobSet, queued, lastNumber]),
        [
          ['one', 2, 1],
          ['two', 1, 1],
        ],
      );
    });

    it('refuses a queue that does not exist and changes nothing', async (test) => {
      const store = await openStore(engine, test);
      const before = await snapshot(store, 'other');
      assert.deepEqual(await store.append(submitJobs(1, { queue: 'other' })), { outcome: 'no-queue' });
      assert.deepEqual(await snapshot(store, 'other'), before);
      assert.equal(await store.read.jobSet('other', 'set'), undefined);
    });

    it('takes nothing of a batch that breaks the rules, and all of those beside it', async (test) => {
      const store = await openStore(engine, test);
      const before = await snapshot(store, 'queue');
      const broken = submitBatch([{ clientId: 'same' }, { clientId: 'same' }]);
      const results = await Promise.allSettled([
        store.append(submitJobs(1, { jobSet: 'a' })),
        store.append(broken),
        store.append(submitJobs(1, { jobSet: 'b' })),
      ]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.notDeepEqual(await snapshot(store, 'queue'), before);
      assert.deepEqual(
        (await store.read.activeJobSets('queue')).map(({ jobSet }) => jobSet),
        ['a', 'b'],
      );
      assert.deepEqual(await store.read.claims('queue', ['same']), []);
      assert.equal(
        (await applied(store, submitJobs(1))).number,
        (await store.heads()).reduce((a, b) => Math.max(a, b)),
      );
    });

    it('gives the same after closing and opening again', async (test) => {
      const { reopen } = await openPlace(engine, test);
      let store = await reopen();
      await store.control(queueChange('queue'));
      await applied(store, submitJobs(5));
      const before = await snapshot(store, 'queue');
      const { info } = store;
      store = await reopen();
      assert.deepEqual(await snapshot(store, 'queue'), before);
      assert.deepEqual(store.info, info);
    });

    it('waits for accepted batches when closing, and refuses later ones', async (test) => {
      const { reopen } = await openPlace(engine, test);
      let store = await reopen();
      await store.control(queueChange('queue'));
      const batches = Array.from({ length: 20 }, () => submitJobs(10));
      const appends = batches.map((batch) => store.append(batch));
      const closed = store.close();
      await assert.rejects(store.append(submitJobs(1)), { code: 'UNAVAILABLE' });
      for (const result of await Promise.all(appends)) entryOf(result);
      await closed;
      store = await reopen();
      assert.equal((await store.read.jobSet('queue', 'set'))?.queued, 200);
    });

    it('numbers without gaps and counts right under concurrent appenders', async (test) => {
      const store = await openStore(engine, test, { partitions: 4 });
      const queues = Array.from({ length: 12 }, (_, i) => `queue-${i}`);
      await Promise.all(queues.map((queue) => store.control(queueChange(queue, 0))));
      const entries = await concurrently(store, queues);
      for (let partition = 0; partition < 4; partition++) {
        const numbers = entries.filter((entry) => entry.partition === partition).map(({ number }) => number);
        assertRising(numbers);
      }
      await assertCounters(store, entries);
      assert.equal(new Set(entries.map(shownEntry)).size, entries.length);
    });
  });
}

/** Many appenders that submit to queues of their choice and take some jobs further; all entries they made. */
async function concurrently(store: Store, queues: readonly string[]): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  async function appender(seed: number): Promise<void> {
    for (let round = 0; round < 12; round++) {
      const queue = queues[(seed * 7 + round * 5) % queues.length] ?? '';
      const jobSet = `set-${(seed + round) % 3}`;
      const entry = await applied(store, submitJobs(1 + ((seed + round) % 9), { queue, jobSet }));
      entries.push(entry);
      let jobs: StoredJob[] = entry.jobs.filter((_, i) => i % 2 === 0);
      for (const change of (['lease', 'run', 'succeed'] as const).slice(0, round % 4)) {
        const next = await applied(store, changeBatch(jobs, change));
        entries.push(next);
        jobs = next.jobs;
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, seed) => appender(seed)));
  return entries;
}

/** Consecutive once sorted: none missing, none twice. */
function assertRising(numbers: readonly number[]): void {
  const sorted = numbers.toSorted((a, b) => a - b);
  const first = sorted[0] ?? 0;
  assert.deepEqual(
    sorted,
    sorted.map((_, i) => first + i),
  );
}

/** Counters and stream numbers of every job set are what counting its jobs and events gives. */
async function assertCounters(store: Store, entries: readonly LogEntry[]): Promise<void> {
  const { jobs } = await allActive(store);
  for (const [queue, ofQueue] of Map.groupBy(entries, (entry) => entry.queue)) {
    const sequences = ofQueue.flatMap((entry) => entry.sequences);
    for (const [jobSet, ofSet] of Map.groupBy(sequences, (sequence) => sequence.jobSet)) {
      const numbers = ofSet.map(({ number }) => number).toSorted((a, b) => a - b);
      assert.deepEqual(
        numbers,
        Array.from({ length: ofSet.length }, (_, i) => i + 1),
      );
      const live = jobs.filter(({ record }) => record?.queue === queue && record.jobSet === jobSet);
      const queued = live.filter(({ record }) => record?.runs.length === 0).length;
      const info = await store.read.jobSet(queue, jobSet);
      assert.deepEqual(
        { queued: info?.queued, leased: info?.leased, last: info?.lastNumber },
        { queued, leased: live.length - queued, last: ofSet.length },
      );
      const stream = await store.read.stream(queue, jobSet, 0, 1e9);
      assert.deepEqual(
        stream.map(shownSequence),
        ofSet.toSorted((a, b) => a.number - b.number).map(shownSequence),
      );
    }
  }
}

/** For suites that need events without jobs. */
export function eventBatch(queue: string, jobSet: string, jobIds: readonly string[]): Batch {
  return Batch.fromPartial({ queue, sequences: [eventsOf(queue, jobSet, jobIds.map(submitEvent))] });
}
