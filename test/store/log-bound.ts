/** The log is a short feed: past its bytes the oldest goes, and who has fallen off loads again and misses nothing. */
import type { LogEntry, Retention, Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { changeBatch, queueChange, submitJobs } from './builders.ts';
import { allActive, applied, idsOf } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

/** Everything else stays. */
const KEEP = { eventsMs: 1e9, recordsMs: 1e9, logMs: 1e9 };
/** What the stored form of an entry about one job takes: 16 bytes of its key at the least. */
const ENTRY_BYTES = { least: 40, most: 250 };

async function trim(store: Store, retention: Retention): Promise<void> {
  while (await store.trim(Date.now(), retention));
}

/** Entries of the log that a reader can still have, counted back from each head. */
async function keptEntries(store: Store): Promise<number[]> {
  const heads = await store.heads();
  const kept: number[] = [];
  for (const [partition, head] of heads.entries()) {
    let [reached, lost] = [head, -1];
    while (reached - lost > 1) {
      const middle = Math.floor((reached + lost) / 2);
      const from = heads.map((each, other) => (other === partition ? middle : each));
      if (await reaches(store, from)) reached = middle;
      else lost = middle;
    }
    kept.push(head - reached);
  }
  return kept;
}

async function reaches(store: Store, from: readonly number[]): Promise<boolean> {
  for await (const item of store.tail(from, AbortSignal.timeout(10_000))) return item.kind === 'entries';
  return true;
}

/** Versions of live jobs, as a follower has them that loads and then applies the log. */
interface Follower {
  live: Map<string, number>;
  /** How often it had to load. */
  loads: number;
}

/** Follows from the beginning of the log until it has seen these heads. @param pause waits before each item is taken */
async function followTo(
  store: Store,
  done: Promise<unknown>,
  pause: () => Promise<unknown>,
): Promise<Follower> {
  const follower: Follower = { live: new Map(), loads: 0 };
  let positions = (await store.heads()).map(() => 0);
  let until: readonly number[] | undefined;
  const ended = new AbortController();
  const isDone = (): boolean =>
    until?.every((head, partition) => (positions[partition] ?? 0) >= head) ?? false;
  void done.then(async () => {
    until = await store.heads();
    if (isDone()) ended.abort();
  });
  while (!isDone()) {
    const tooLong = AbortSignal.timeout(10_000);
    const signal = AbortSignal.any([tooLong, ended.signal]);
    for await (const item of store.tail(positions, signal)) {
      await pause();
      if (item.kind === 'fell-off') {
        positions = [...(await store.heads())];
        const { jobs } = await allActive(store);
        follower.live = new Map(jobs.map((job) => [job.record?.jobId ?? '', job.version]));
        follower.loads++;
        break;
      }
      for (const entry of item.entries) {
        apply(follower, entry);
        positions[entry.partition] = entry.number;
      }
      if (isDone()) break;
    }
    tooLong.throwIfAborted();
  }
  return follower;
}

function apply({ live }: Follower, { jobs }: LogEntry): void {
  for (const { record, version } of jobs) {
    if (!record || version < (live.get(record.jobId) ?? 0)) continue;
    if (record.endedAtMs === undefined) live.set(record.jobId, version);
    else live.delete(record.jobId);
  }
}

export function logBoundSuite(engine: Engine): void {
  describe('the log in bytes', () => {
    it('loses its oldest entries past its bytes, however young, and nothing else', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 1, partitions: 2 });
      const entries = [];
      for (let i = 0; i < 400; i++) entries.push(await applied(store, submitJobs(1)));
      const logBytes = 20_000;
      await trim(store, { ...KEEP, logBytes });
      const kept = (await keptEntries(store)).reduce((sum, each) => sum + each, 0);
      assert(kept > logBytes / ENTRY_BYTES.most / 2, `${kept} entries are kept`);
      assert(kept * ENTRY_BYTES.least < logBytes, `${kept} entries are kept`);
      assert.equal((await store.read.jobSet('queue', 'set'))?.queued, 400);
      assert.equal((await store.read.stream('queue', 'set', 0, 1e9)).length, 400);
      await trim(store, { ...KEEP, logBytes });
      assert.equal(
        (await keptEntries(store)).reduce((sum, each) => sum + each, 0),
        kept,
      );
    });

    it('leaves busy partitions what quiet ones do not use', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 1, partitions: 8 });
      const queues = Array.from({ length: 12 }, (_, i) => `queue-${i}`);
      for (const queue of queues) await store.control(queueChange(queue));
      for (let i = 0; i < 300; i++) await applied(store, submitJobs(1, { queue: 'queue-0' }));
      const all = await keptEntries(store);
      await trim(store, { ...KEEP, logBytes: 300 * ENTRY_BYTES.least });
      const kept = await keptEntries(store);
      const busiest = all.indexOf(Math.max(...all));
      assert((kept[busiest] ?? 0) > 300 / 16, `${kept[busiest]} entries of the busy partition`);
      assert((kept[busiest] ?? 0) < (all[busiest] ?? 0));
      const [quiet, quietBefore] = [kept, all].map((each) =>
        each.filter((_, partition) => partition !== busiest),
      );
      assert.deepEqual(quiet, quietBefore);
    });

    it('counts an entry by what it names, not by what that holds', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 1, partitions: 1 });
      for (let i = 0; i < 20; i++) await applied(store, submitJobs(1, { specBytes: 100_000 }));
      await trim(store, { ...KEEP, logBytes: 21 * ENTRY_BYTES.most });
      assert.deepEqual(await keptEntries(store), [21]);
    });

    it('a reader that is overtaken by a burst loads again, and misses nothing', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 4, partitions: 2 });
      for (let i = 0; i < 100; i++) await applied(store, submitJobs(1));
      const retention = { ...KEEP, logBytes: 5000 };
      const first = burstOf(store, test);
      const second = first.then(() => burstOf(store, test));
      let isOver = false;
      void second.finally(() => (isOver = true));
      const trimming = (async () => {
        while (!isOver) await store.trim(Date.now(), retention);
      })();
      // With the first item in its hands, the reader is overtaken; it loads again while more comes.
      const follower = await followTo(store, second, () => first);
      await trimming;
      assert(follower.loads > 0, 'the reader never fell off');
      const { jobs } = await allActive(store);
      assert(jobs.length > 50);
      assert.deepEqual(
        follower.live,
        new Map(jobs.map((job): [string, number] => [idsOf([job])[0] ?? '', job.version])),
      );
    });
  });
}

/** Submits jobs, leases most and ends some, by several appenders at once. */
async function burstOf(store: Store, test: TestContext): Promise<void> {
  await store.control(queueChange('other'));
  const appenders = Array.from({ length: 4 }, async (_, appender) => {
    for (let round = 0; round < 40; round++) {
      test.signal.throwIfAborted();
      const { jobs } = await applied(store, submitJobs(3, { queue: appender % 2 ? 'queue' : 'other' }));
      const leased = await applied(store, changeBatch(jobs.slice(0, 2), 'lease'));
      await applied(store, changeBatch(leased.jobs.slice(0, 1), 'succeed'));
    }
  });
  await Promise.all(appenders);
}
