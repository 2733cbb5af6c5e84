/** Queues and executors: versions, the log, and what a queue with live jobs forbids. */
import { Control_Kind, ExecutorRecord, ExecutorSettings } from '@armada-ts/api/armada/store/v1/store';
import { settingsName } from '@armada-ts/server/model/executor-settings';
import { partitionOfSlot, slotOfQueue } from '@armada-ts/server/model/ids';
import type { ControlChange, Positions, Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, queueChange, submitJobs } from './builders.ts';
import { applied } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

export function controlSuite(engine: Engine): void {
  describe('queues and executors', () => {
    it('makes, changes, lists and deletes queues by version', async (test) => {
      const store = await openStore(engine, test);
      const made = await store.control(queueChange('b', 0));
      await store.control(queueChange('a', 0));
      assert(made.outcome === 'applied');
      assert.deepEqual(
        (await store.read.queues()).map(({ queue }) => queue.name),
        ['a', 'b', 'queue'],
      );
      const changed = await store.control(queueChange('b', made.version, 7));
      assert(changed.outcome === 'applied' && changed.version > made.version);
      const read = await store.read.queue('b');
      assert.equal(read?.queue.priorityFactor, 7);
      assert.equal(read?.version, changed.version);
      await store.control({ ...queueChange('b', changed.version), record: null });
      assert.equal(await store.read.queue('b'), undefined);
      assert.equal((await store.read.queues()).length, 2);
    });

    it('numbers changes in the log of the partition of the name', async (test) => {
      const store = await openStore(engine, test);
      const partition = partitionOfSlot(slotOfQueue('other'), store.info.partitions);
      const before = (await store.heads())[partition] ?? 0;
      assert.deepEqual(await store.control(queueChange('other', 0)), {
        outcome: 'applied',
        version: before + 1,
      });
      assert.equal((await store.heads())[partition], before + 1);
    });

    it('refuses a change of another version and tells what there is', async (test) => {
      const store = await openStore(engine, test);
      const current = await store.read.queue('queue');
      const result = await store.control(queueChange('queue', 0));
      assert(result.outcome === 'stale');
      assert.equal(result.current?.version, current?.version);
      assert.deepEqual(
        Buffer.from(result.current?.record ?? []),
        Buffer.from(queueChange('queue').record ?? []),
      );
      assert.deepEqual(await store.control(queueChange('other', 3)), {
        outcome: 'stale',
        current: undefined,
      });
    });

    it('lets one of many that make the same queue win', async (test) => {
      const store = await openStore(engine, test);
      const results = await Promise.all(
        Array.from({ length: 6 }, () => store.control(queueChange('new', 0))),
      );
      assert.equal(results.filter(({ outcome }) => outcome === 'applied').length, 1);
    });

    it('counts jobs that are submitted, changed and left in a queue at the same moment', async (test) => {
      const store = await openStore(engine, test);
      const removal: ControlChange = { ...queueChange('queue'), record: null };
      // What is asked for in one turn may be written in one transaction.
      const results = await Promise.all([
        ...Array.from({ length: 20 }, () => store.append(submitJobs(1))),
        store.control(queueChange('other', 0)),
        ...Array.from({ length: 20 }, () => store.append(submitJobs(1))),
      ]);
      assert(results.every(({ outcome }) => outcome === 'applied'));
      assert.deepEqual(await store.control(removal), { outcome: 'not-empty', liveJobs: 40 });
      const set = await store.read.jobSet('queue', 'set');
      assert.deepEqual([set?.queued, set?.leased, set?.lastNumber], [40, 0, 40]);
      const ids = await store.read.liveJobIds('queue', 'set', '', 100);
      const jobs = await store.read.jobs(ids);
      const ends = jobs.map((job) => changeBatch([job], 'succeed'));
      const ended = await Promise.all(ends.map((batch) => store.append(batch)));
      assert(ended.every(({ outcome }) => outcome === 'applied'));
      assert.equal((await store.control(removal)).outcome, 'applied');
      assert.equal(await store.read.queue('queue'), undefined);
      const late = await store.append(submitJobs(1));
      assert.equal(late.outcome, 'no-queue');
    });

    it('deletes no queue with live jobs, and leaves streams of a deleted one', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(2));
      const removal: ControlChange = { ...queueChange('queue'), record: null };
      assert.deepEqual(await store.control(removal), { outcome: 'not-empty', liveJobs: 2 });
      await applied(store, changeBatch(jobs, 'succeed'));
      assert.equal((await store.control(removal)).outcome, 'applied');
      assert.equal((await store.read.stream('queue', 'set', 0, 1e6)).length, 2);
      assert.equal((await store.read.jobs(jobs.map(({ record }) => record?.jobId ?? ''))).length, 2);
      assert.deepEqual(await store.append(submitJobs(1)), { outcome: 'no-queue' });
      assert.equal((await store.control(queueChange('queue', 0))).outcome, 'applied');
      const again = await applied(store, submitJobs(1));
      assert.equal(again.sequences[0]?.number, 3);
    });

    it('keeps executors', async (test) => {
      const store = await openStore(engine, test);
      const change = (id: string, pool: string): ControlChange => ({
        kind: Control_Kind.KIND_EXECUTOR,
        name: id,
        record: ExecutorRecord.encode(ExecutorRecord.fromPartial({ id, pool })).finish(),
      });
      await store.control(change('b', 'one'));
      await store.control(change('a', 'one'));
      await store.control(change('b', 'two'));
      const shown = async () => (await store.read.executors()).map(({ id, pool }) => `${id} ${pool}`);
      assert.deepEqual(await shown(), ['a one', 'b two']);
      await store.control({ ...change('a', ''), record: null });
      assert.deepEqual(await shown(), ['b two']);
    });

    it('keeps keys, tells their versions, and tells the log of them', async (test) => {
      const store = await openStore(engine, test);
      const heads = await store.heads();
      const keys = { kind: Control_Kind.KIND_ACCESS_KEYS, name: 'ann ü' } as const;
      const ring = { kind: Control_Kind.KIND_KEYRING, name: 'keyring', record: Buffer.from([9, 0, 9]) };
      const first = await store.control({ ...keys, record: Buffer.from('one'), expectedVersion: 0 });
      assert(first.outcome === 'applied');
      assert.equal(
        (await store.control({ ...keys, record: Buffer.from('two'), expectedVersion: 0 })).outcome,
        'stale',
      );
      const next = { ...keys, record: Buffer.from('two'), expectedVersion: first.version };
      const second = await store.control(next);
      assert(second.outcome === 'applied');
      await store.control(ring);
      await store.control({ ...keys, name: 'bob', record: Buffer.from('b') });
      await store.control({ ...keys, name: 'bob', record: null });
      const kept = await store.read.controls(keys.kind);
      assert.deepEqual(
        kept.map(({ name, record, version }) => [name, Buffer.from(record).toString(), version]),
        [['ann ü', 'two', second.version]],
      );
      const [only] = await store.read.controls(ring.kind);
      assert.deepEqual(Buffer.from(only!.record), ring.record);
      const told = await controlsAfter(store, heads, 5);
      assert.deepEqual(told.get('ann ü'), 'two');
      assert.deepEqual(told.get('bob'), undefined);
    });

    it('tells a follower that reads the log what became of each kind of record', async (test) => {
      const store = await openStore(engine, test, { tailEntries: 1 });
      const heads = await store.heads();
      const kinds = [
        Control_Kind.KIND_EXECUTOR,
        Control_Kind.KIND_EXECUTOR_SETTINGS,
        Control_Kind.KIND_ACCESS_KEYS,
        Control_Kind.KIND_KEYRING,
      ];
      for (const kind of kinds) {
        const record = ExecutorSettings.encode(ExecutorSettings.fromPartial({ node: `${kind}` })).finish();
        await store.control({ kind, name: `of ${kind}`, record });
      }
      const told = await controlsAfter(store, heads, kinds.length);
      for (const kind of kinds) assert.match(told.get(`of ${kind}`) ?? '', new RegExp(`${kind}$`));
    });

    it('keeps settings of nodes beside those of their executors', async (test) => {
      const store = await openStore(engine, test);
      const kind = Control_Kind.KIND_EXECUTOR_SETTINGS;
      const places = [
        { executorId: 'a', node: '' },
        { executorId: 'a', node: 'n1' },
        { executorId: 'a', node: 'n/1 ü' },
        { executorId: 'an1', node: '' },
      ];
      for (const place of places) {
        const record = ExecutorSettings.encode(ExecutorSettings.fromPartial(place)).finish();
        await store.control({ kind, name: settingsName(place), record });
      }
      const kept = async (): Promise<string[]> => {
        const settings = await store.read.executorSettings();
        return settings.map(({ executorId, node }) => `${executorId}:${node}`).sort();
      };
      assert.deepEqual(await kept(), ['a:', 'a:n/1 ü', 'a:n1', 'an1:']);
      await store.control({ kind, name: settingsName({ executorId: 'a', node: 'n1' }), record: null });
      assert.deepEqual(await kept(), ['a:', 'a:n/1 ü', 'an1:']);
      await store.control({ kind, name: settingsName({ executorId: 'a', node: '' }), record: null });
      assert.deepEqual(await kept(), ['a:n/1 ü', 'an1:']);
    });

    it('keeps settings of executors, whether they were seen or not, and tells the log', async (test) => {
      const store = await openStore(engine, test);
      const kind = Control_Kind.KIND_EXECUTOR_SETTINGS;
      const heads = await store.heads();
      const change = (executorId: string, reason: string): ControlChange => ({
        kind,
        name: executorId,
        record: ExecutorSettings.encode(
          ExecutorSettings.fromPartial({
            executorId,
            cordoned: true,
            setBy: { requestor: 'ann', reason, atMs: 7 },
          }),
        ).finish(),
      });
      await store.control(change('b', 'dust'));
      await store.control(change('a', 'heat'));
      await store.control(change('b', 'rust'));
      const kept = await store.read.executorSettings();
      assert.deepEqual(
        kept.map(({ executorId, cordoned, setBy }) => [
          executorId,
          cordoned,
          setBy?.requestor,
          setBy?.reason,
        ]),
        [
          ['a', true, 'ann', 'heat'],
          ['b', true, 'ann', 'rust'],
        ],
      );
      assert.deepEqual(await store.read.executors(), []);
      // An executor may come and go without its settings.
      await store.control({ kind: Control_Kind.KIND_EXECUTOR, name: 'a', record: null });
      await store.control({ ...change('b', ''), record: null });
      assert.deepEqual(
        (await store.read.executorSettings()).map(({ executorId }) => executorId),
        ['a'],
      );
      const told: [string, number | undefined][] = [];
      const reading = new AbortController();
      for await (const item of store.tail(heads, reading.signal)) {
        assert(item.kind === 'entries');
        for (const { control } of item.entries) {
          if (control?.kind === kind) told.push([control.name, control.record?.length]);
        }
        if (told.length === 4) reading.abort();
      }
      const of = (name: string) =>
        told.filter(([each]) => each === name).map(([, bytes]) => bytes !== undefined);
      assert.deepEqual([of('a'), of('b')], [[true], [true, true, false]]);
    });
  });
}

/** What the log tells of control records after these positions, the last word on each, once so many were told. */
async function controlsAfter(
  store: Store,
  heads: Positions,
  count: number,
): Promise<Map<string, string | undefined>> {
  const told = new Map<string, string | undefined>();
  const reading = new AbortController();
  let seen = 0;
  for await (const item of store.tail(heads, reading.signal)) {
    assert(item.kind === 'entries');
    for (const { control } of item.entries) {
      if (control) told.set(control.name, control.record && Buffer.from(control.record).toString());
      seen += control ? 1 : 0;
    }
    if (seen >= count) reading.abort();
  }
  return told;
}
