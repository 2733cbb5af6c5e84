// Copying stores that are not as they should be, and copies that are broken off
// or go wrong: nothing is taken for a store that is none, and the source stays.
import type { Export, Import, Part } from '@armada-ts/server/store/copy';
import { copyStore, migrateStore } from '@armada-ts/server/store/migrate';
import type { Batch } from '@armada-ts/server/store/store';
import { createTally, type Tally } from '@armada-ts/server/store/tally';
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { changeBatch, eventsOf, queueChange, submitBatch, submitEvent } from './builders.ts';
import { applied } from './compare.ts';
import { type House, move } from './moving.engine.ts';
import { CLUSTER, REDIS, SENTINEL, SQLITE } from './moving.houses.ts';
import { sharedRedis } from './redis.engine.ts';
import { redisCli } from './redis.servers.ts';

const HOUSES = { sqlite: SQLITE, redis: REDIS };
const PAIRS = [
  ['sqlite', 'redis'],
  ['redis', 'sqlite'],
] as const;

const SILENT = { onProgress: () => {}, signal: new AbortController().signal };

/** A closed store with a bit of everything. */
async function filledPlace(t: TestContext, house: House): Promise<string> {
  const place = await newPlace(t, house);
  const store = await house.engine.open(place);
  await store.control(queueChange('queue', 0));
  const jobs = Array.from({ length: 250 }, (_, i) => ({
    clientId: i % 2 ? `c${i}` : '',
    externalJobUri: i % 3 ? '' : 'https://example.com/1',
    schedulingClass: i % 5 ? 'small' : 'large',
  }));
  const submitted = await applied(store, submitBatch(jobs));
  const leased = await applied(store, changeBatch(submitted.jobs.slice(0, 100), 'lease'));
  await applied(store, changeBatch(leased.jobs.slice(0, 50), 'succeed', { atMs: Date.now() }));
  await applied(store, submitBatch([{}], { jobSet: 'other' }));
  await applied(
    store,
    spanningBatch((i) => Math.floor(i / 100) % 2 === 1),
  );
  const spanning = await applied(
    store,
    spanningBatch((i) => i % 2 === 1),
  );
  // Of its last hundred only a job of the other job set goes on.
  await applied(store, changeBatch(spanning.jobs.slice(225, 226), 'lease'));
  await store.close();
  return place;
}

/** Jobs of one request in two job sets. */
function spanningBatch(isOdd: (index: number) => boolean): Batch {
  const batch = submitBatch(
    Array.from({ length: 230 }, () => ({ specBytes: 300 })),
    { jobSet: 'even' },
  );
  const ids: [even: string[], odd: string[]] = [[], []];
  for (const [i, { record }] of batch.submitted.entries()) {
    assert(record);
    record.jobSet = isOdd(i) ? 'odd' : 'even';
    ids[isOdd(i) ? 1 : 0].push(record.jobId);
  }
  const sequences = ids.map((some, i) => eventsOf('queue', i ? 'odd' : 'even', some.map(submitEvent)));
  return { ...batch, sequences };
}

async function newPlace(t: TestContext, { engine }: House): Promise<string> {
  const place = await engine.createPlace();
  t.after(() => engine.removePlace(place));
  return place;
}

async function tallyOf(house: House, place: string): Promise<Tally> {
  const tally = createTally();
  const source = await house.openExport(place);
  for await (const part of source.parts()) tally.add(part);
  await source.close();
  return tally;
}

/** Opens both ends for a while. */
async function between<Value>(
  [from, place]: [House, string],
  [to, newHome]: [House, string],
  act: (ends: { source: Export; target: Import }) => Promise<Value>,
): Promise<Value> {
  const source = await from.openExport(place);
  try {
    const target = await to.openImport(newHome);
    try {
      return await act({ source, target });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copy({ source, target }: { source: Export; target: Import }): Promise<void> {
  const { copied } = await copyStore({ source, target, ...SILENT });
  await copied.close();
  await target.complete();
}

/** Each spoils what one kind of part becomes. */
const SPOILT: Record<string, (part: Part) => Part> = {
  'a queue': (part) =>
    part.kind === 'controls'
      ? { ...part, controls: part.controls.map((each) => ({ ...each, version: each.version + 1 })) }
      : part,
  'the priority of a job': (part) =>
    part.kind === 'jobs'
      ? { ...part, jobs: part.jobs.map((job) => ({ ...job, record: { ...job.record, priority: 9 } })) }
      : part,
  'a spec': (part) =>
    part.kind === 'jobs'
      ? { ...part, jobs: part.jobs.map((job) => ({ ...job, spec: Buffer.concat([job.spec, job.spec]) })) }
      : part,
  'a lost job': (part) => (part.kind === 'jobs' ? { ...part, jobs: part.jobs.slice(1) } : part),
  'a lost claim': (part) =>
    part.kind === 'jobs'
      ? { ...part, jobs: part.jobs.map((job) => ({ ...job, claimHash: Buffer.alloc(0) })) }
      : part,
  'a place in the stream': (part) =>
    part.kind === 'jobs' ? { ...part, jobs: part.jobs.map((job) => ({ ...job, last: job.last + 1 })) } : part,
  'a lost event': (part) =>
    part.kind === 'stream' ? { ...part, sequences: part.sequences.slice(0, -1) } : part,
  'an event': (part) =>
    part.kind === 'stream'
      ? { ...part, sequences: part.sequences.map((each) => ({ ...each, atMs: each.atMs + 1 })) }
      : part,
  'a pin': (part) => (part.kind === 'stream' ? { ...part, births: [] } : part),
  'a counter': (part) =>
    part.kind === 'stream' ? { ...part, jobSet: { ...part.jobSet, leased: part.jobSet.leased + 1 } } : part,
};

for (const [from, to] of PAIRS) {
  describe(`from ${from} to ${to}`, () => {
    const [source, target] = [HOUSES[from], HOUSES[to]];

    for (const [what, spoil] of Object.entries(SPOILT)) {
      it(`finds ${what} that went wrong, and no server starts on the copy`, async (t) => {
        const place = await filledPlace(t, source);
        const home = await newPlace(t, target);
        await between([source, place], [target, home], async (ends) => {
          const spoiling = { ...ends.target, put: (part: Part) => ends.target.put(spoil(part)) };
          await assert.rejects(copyStore({ source: ends.source, target: spoiling, ...SILENT }), /differs/);
        });
        await assert.rejects(target.engine.open(home), /was not completed; run armada-server migrate again/);
      });
    }

    it('begins anew after a copy that was broken off', async (t) => {
      const place = await filledPlace(t, source);
      const home = await newPlace(t, target);
      await between([source, place], [target, home], async (ends) => {
        await ends.target.begin(ends.source.numbers);
        for await (const part of ends.source.parts()) await ends.target.put(part);
      });
      await assert.rejects(target.engine.open(home), /was not completed/);
      await assert.rejects(target.openExport(home), /was not completed|there is no store/);
      await between([source, place], [target, home], copy);
      const before = await tallyOf(source, place);
      assert.deepEqual(before.differences(await tallyOf(target, home)), []);
      await (await target.engine.open(home)).close();
    });

    it('refuses a place that has a store, and leaves it as it is', async (t) => {
      const place = await filledPlace(t, source);
      const home = await filledPlace(t, target);
      const before = await tallyOf(target, home);
      await assert.rejects(between([source, place], [target, home], copy), /there is a store .*already/);
      assert.deepEqual(before.differences(await tallyOf(target, home)), []);
    });

    it('refuses a source that is in use or is none', async (t) => {
      const place = await filledPlace(t, source);
      const store = await source.engine.open(place);
      await assert.rejects(source.openExport(place), /using/);
      await store.close();
      const empty = await newPlace(t, source);
      await assert.rejects(source.openExport(empty), /there is no store/);
    });

    it('does not complete a copy whose events do not give its records', async (t) => {
      const place = await filledPlace(t, source);
      const home = await newPlace(t, target);
      const before = await tallyOf(source, place);
      await assert.rejects(
        between([source, place], [target, home], (ends) => migrateStore({ ...ends, ...SILENT })),
        /the events do not give the records.*\n {2}queue\/.*and \d+ more$/s,
      );
      await assert.rejects(target.engine.open(home), /was not completed/);
      assert.deepEqual(before.differences(await tallyOf(source, place)), []);
    });

    it('stops between two parts when it is told to', async (t) => {
      const place = await filledPlace(t, source);
      const home = await newPlace(t, target);
      const stopping = new AbortController();
      const stopped = between([source, place], [target, home], (ends) =>
        copyStore({
          ...ends,
          onProgress: () => stopping.abort(new Error('enough')),
          signal: stopping.signal,
        }),
      );
      await assert.rejects(stopped, /enough/);
      await assert.rejects(target.engine.open(home), /was not completed/);
    });
  });
}

describe('from house to house', () => {
  it('nothing changes, wherever a store goes', { timeout: 120_000 }, async (t) => {
    let [house, place] = [SQLITE, await filledPlace(t, SQLITE)];
    const before = await tallyOf(house, place);
    for (const next of [SENTINEL, CLUSTER, REDIS, SQLITE, SQLITE]) {
      place = await move(house, place, next);
      house = next;
      const now = await tallyOf(house, place);
      assert.deepEqual(before.differences(now), []);
      assert.equal(now.count('jobs'), 250 + 1 + 2 * 230);
    }
  });
});

describe('a source in Redis', () => {
  it('is refused when it was written to meanwhile', async (t) => {
    const place = await filledPlace(t, REDIS);
    const source = await REDIS.openExport(place);
    t.after(() => source.close());
    await source.unchanged();
    const store = await REDIS.engine.open(place);
    await assert.rejects(source.unchanged(), /a server is using/);
    await applied(store, submitBatch([{}]));
    await store.close();
    // Redis hears a little later that the connection is gone.
    const stillUsed = () => source.unchanged().catch((error: Error) => error.message.includes('is using'));
    while ((await stillUsed()) === true) await sleep(10);
    await assert.rejects(source.unchanged(), /has changed meanwhile/);
  });
});

describe('a copy into Redis', () => {
  it('leaves nothing of one that was broken off, with more partitions than its own', async (t) => {
    const home = await newPlace(t, REDIS);
    const target = await REDIS.openImport(home);
    const logs = Array.from({ length: 40 }, () => ({ head: 1, term: 1, removedStreamMs: 0 }));
    await target.begin({ epochMs: 1, logs });
    await target.close();
    const place = await filledPlace(t, SQLITE);
    await between([SQLITE, place], [REDIS, home], copy);
    const { port } = await sharedRedis();
    const prefix = new URL(home).searchParams.get('prefix') ?? '';
    assert.equal(await redisCli(port, 'exists', `${prefix}{39}`, `${prefix}{15}`), '1\n');
    await (await REDIS.engine.open(home)).close();
  });
});

describe('two copies into one place of Redis', () => {
  it('are one: the later goes on, the earlier stops', async (t) => {
    const place = await filledPlace(t, SQLITE);
    const home = await newPlace(t, REDIS);
    await between([SQLITE, place], [REDIS, home], async (earlier) => {
      const begun = earlier.target.begin(earlier.source.numbers);
      await begun;
      const later = await REDIS.openImport(home);
      t.after(() => later.close());
      await later.begin(earlier.source.numbers);
      const goesOn = async (): Promise<void> => {
        for await (const part of earlier.source.parts()) await earlier.target.put(part);
        await earlier.target.written();
      };
      await assert.rejects(goesOn, /another migration .* has begun/);
      await copy({ source: earlier.source, target: later });
    });
    assert.deepEqual((await tallyOf(SQLITE, place)).differences(await tallyOf(REDIS, home)), []);
  });
});
