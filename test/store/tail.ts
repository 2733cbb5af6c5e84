/** Following the log: every entry once, in order within its partition, from any kept place. */
import { Batch, Operation } from '@armada-ts/api/armada/store/v1/store';
import type { LogEntry, Positions, Store, TailItem } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { changeBatch, queueChange, submitBatch, submitJobs } from './builders.ts';
import { applied, entryOf, idsOf, shownEntry } from './compare.ts';
import { createSteppedClock, type Engine, openPlace, openStore } from './engine.ts';

/** Follows until `count` entries came. */
async function follow(store: Store, from: Positions, count: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const item of store.tail(from, AbortSignal.timeout(10_000))) {
    assert(item.kind === 'entries', 'fell off the log');
    entries.push(...item.entries);
    if (entries.length >= count) break;
  }
  return entries;
}

/** What happens when a reader at these positions asks. */
async function first(store: Store, from: Positions): Promise<TailItem[]> {
  const items: TailItem[] = [];
  for await (const item of store.tail(from, AbortSignal.timeout(500))) {
    items.push(item);
    break;
  }
  return items;
}

/** Numbers of each partition are consecutive after `from`. */
function assertInOrder(entries: readonly LogEntry[], from: Positions): void {
  const last = [...from];
  for (const { partition, number } of entries) {
    assert.equal(number, (last[partition] ?? 0) + 1);
    last[partition] = number;
  }
}

function start(store: Store): number[] {
  return Array.from({ length: store.info.partitions }, () => 0);
}

export function tailSuite(engine: Engine): void {
  describe('tail', () => {
    it('has an entry no later than its append resolves', async (test) => {
      const store = await openStore(engine, test);
      const tail = store.tail(await store.heads(), test.signal)[Symbol.asyncIterator]();
      const next = tail.next();
      const entry = await applied(store, submitJobs(2));
      const { value } = await next;
      assert(value?.kind === 'entries');
      assert.deepEqual(value.entries.map(shownEntry), [shownEntry(entry)]);
      await tail.return?.();
    });

    it('brings control changes and operations', async (test) => {
      const store = await openStore(engine, test);
      const heads = await store.heads();
      await store.control(queueChange('queue', undefined, 5));
      const opened = [Operation.fromPartial({ id: 'one', queue: 'queue' })];
      await applied(store, Batch.fromPartial({ queue: 'queue', opened }));
      await applied(store, Batch.fromPartial({ queue: 'queue', closed: ['one'] }));
      const [queue, open, closed] = await follow(store, heads, 3);
      assert.equal(queue?.control?.name, 'queue');
      assert.equal(queue?.control?.version, queue?.number);
      assert.deepEqual(
        Buffer.from(queue?.control?.record ?? []),
        queueChange('queue', 0, 5).record && Buffer.from(queueChange('queue', 0, 5).record ?? []),
      );
      assert.equal(open?.opened[0]?.openedAtNumber, open?.number);
      assert.deepEqual(closed?.closed, ['one']);
    });

    for (const tailEntries of [4, undefined]) {
      const name = tailEntries === undefined ? 'from memory' : 'from the log';
      it(`gives the same from any place, ${name}`, async (test) => {
        const store = await openStore(engine, test, { ...(tailEntries && { tailEntries }), partitions: 2 });
        await store.control(queueChange('other', 0));
        const written = [];
        for (let i = 0; i < 30; i++) {
          written.push(await applied(store, submitJobs(3, { queue: i % 3 ? 'queue' : 'other' })));
        }
        const all = await follow(store, start(store), 32);
        assertInOrder(all, start(store));
        assert.deepEqual(
          new Set(all.filter(({ jobs }) => jobs.length > 0).map(shownEntry)),
          new Set(written.map(shownEntry)),
        );
        for (const place of [5, 17, 31]) {
          const from = start(store);
          for (const { partition, number } of all.slice(0, place)) from[partition] = number;
          const rest = await follow(store, from, 32 - place);
          assertInOrder(rest, from);
          assert.equal(rest.length, 32 - place);
        }
      });
    }

    it('feeds many followers while appends go on, slow ones too', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 8, partitions: 2 });
      const heads = await store.heads();
      const count = 120;
      const slow = async () => {
        const entries: LogEntry[] = [];
        for await (const item of store.tail(heads, AbortSignal.timeout(20_000))) {
          assert(item.kind === 'entries');
          entries.push(...item.entries);
          if (entries.length >= count) break;
          await new Promise((resolve) => setTimeout(resolve, 3));
        }
        return entries;
      };
      const followers = [follow(store, heads, count), follow(store, heads, count), slow(), slow()];
      const appends = Array.from({ length: 4 }, async () => {
        for (let i = 0; i < count / 4; i++) await applied(store, submitJobs(1));
      });
      await Promise.all(appends);
      for (const entries of await Promise.all(followers)) {
        assert.equal(entries.length, count);
        assertInOrder(entries, heads);
      }
    });

    it('shows a record as it is now when it comes from the log', async (test) => {
      const { reopen } = await openPlace(engine, test);
      let store = await reopen();
      await store.control(queueChange('queue'));
      const { jobs } = await applied(store, submitBatch([{ schedulingClass: 'small' }, {}]));
      const leased = await applied(store, changeBatch(jobs.slice(0, 1), 'lease'));
      store = await reopen();
      const [, submitted, changed] = await follow(store, start(store), 3);
      assert.deepEqual(idsOf(submitted?.jobs ?? []), idsOf(jobs));
      assert.deepEqual(
        submitted?.jobs.map(({ version }) => version),
        [leased.number, submitted?.number],
      );
      assert.deepEqual(changed && shownEntry(changed), shownEntry(leased));
      assert.deepEqual(
        submitted?.classes.map(({ id }) => id),
        ['small'],
      );
    });

    it('goes on after opening again, without a gap', async (test) => {
      const { reopen } = await openPlace(engine, test);
      let store = await reopen();
      await store.control(queueChange('queue'));
      for (let i = 0; i < 5; i++) await applied(store, submitJobs(1));
      const heads = await store.heads();
      store = await reopen();
      assert.deepEqual(await store.heads(), heads);
      const entry = await applied(store, submitJobs(1));
      assert.deepEqual((await follow(store, heads, 1)).map(shownEntry), [shownEntry(entry)]);
      assertInOrder(await follow(store, start(store), 7), start(store));
    });

    it('says fell-off to a reader that the log does not reach, before or behind', async (test) => {
      const clock = createSteppedClock(1_800_000_000_000);
      const store = await openStore(engine, test, { clock, tailEntries: 2 });
      for (let i = 0; i < 6; i++) await applied(store, submitJobs(1));
      clock.step(10_000);
      const entry = await applied(store, submitJobs(1));
      while (await store.trim(clock.now(), { eventsMs: 1e9, recordsMs: 1e9, logMs: 5000, logBytes: 1e9 }))
        test.signal.throwIfAborted();
      assert.deepEqual(await first(store, start(store)), [{ kind: 'fell-off' }]);
      const heads = await store.heads();
      assert.deepEqual(
        await first(
          store,
          heads.map((head) => head + 1),
        ),
        [{ kind: 'fell-off' }],
      );
      const from = heads.map((head, partition) => (partition === entry.partition ? head - 1 : head));
      assert.deepEqual((await follow(store, from, 1)).map(shownEntry), [shownEntry(entry)]);
    });

    it('gives no more jobs at once than can be read without holding up others', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 1 });
      for (let i = 0; i < 8; i++) await applied(store, submitJobs(1000));
      const counts: number[] = [];
      for await (const item of store.tail(start(store), AbortSignal.timeout(10_000))) {
        assert(item.kind === 'entries', 'fell off the log');
        counts.push(item.entries.reduce((sum, { jobs }) => sum + jobs.length, 0));
        if (counts.reduce((sum, count) => sum + count) === 8000) break;
      }
      assert(Math.max(...counts) <= 3000, `${String(counts)} jobs`);
    });

    it('ends when the signal aborts and when the store closes', async (test) => {
      const store = await openStore(engine, test);
      await endsAfter(test, store, (abort) => abort.abort());
      await endsAfter(test, store, () => void store.close());
    });

    it('is not behind after a burst', async (test) => {
      const store = await openStore(engine, test);
      const heads = await store.heads();
      const results = await Promise.all(Array.from({ length: 300 }, () => store.append(submitJobs(1))));
      const entries = await follow(store, heads, 300);
      assertInOrder(entries, heads);
      assert.deepEqual(entries.map(shownEntry).toSorted(), results.map(entryOf).map(shownEntry).toSorted());
    });
  });
}

/** A follower that waits at the head gets nothing and comes to its end. */
async function endsAfter(
  test: TestContext,
  store: Store,
  end: (abort: AbortController) => void,
): Promise<void> {
  const abort = new AbortController();
  test.after(() => abort.abort());
  const items: TailItem[] = [];
  const done = (async () => {
    for await (const item of store.tail(await store.heads(), abort.signal)) items.push(item);
  })();
  await new Promise((resolve) => setTimeout(resolve, 20));
  end(abort);
  await done;
  assert.deepEqual(items, []);
}
