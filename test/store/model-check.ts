/** Random operations on an engine and on the plain model of the port: every answer and all that can be read must agree. */
import type { AppendResult, Batch, Retention, Store } from '@armada-ts/server/store/store';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Change, changeBatch, type JobOptions, queueChange, submitBatch } from './builders.ts';
import { allActive, idsOf, leadAnew, shownEntry, shownJob, shownSequence } from './compare.ts';
import { createSteppedClock, type Engine, type SteppedClock } from './engine.ts';
import * as plain from './model.ts';

const RUNS = process.env['ARMADA_TEST_LONG'] ? 300 : 15;
const QUEUES = ['a', 'b', 'c'] as const;
const RETENTION: Retention = { eventsMs: 5000, recordsMs: 3000, logMs: 1e9, logBytes: 1e9 };

type Step =
  | { do: 'submit'; queue: string; jobSet: string; jobs: { clientId: string; schedulingClass: string }[] }
  /** Changes jobs at these places among all there are, from versions that are old or new. */
  | { do: 'change'; queue: string; picks: number[]; change: Change; stale: boolean; termLag: number | null }
  | { do: 'repeat'; pick: number }
  | { do: 'control'; queue: string; remove: boolean; expected: 'current' | 'none' | undefined }
  | { do: 'lead' }
  | { do: 'wait'; ms: number }
  | { do: 'trim' }
  | { do: 'reopen' };

const queue = fc.constantFrom(...QUEUES);
const submit = fc.record({
  do: fc.constant('submit' as const),
  queue,
  jobSet: fc.constantFrom('x', 'y'),
  jobs: fc.array(
    fc.record({
      clientId: fc.constantFrom('', '', '', '1', '2', '3'),
      schedulingClass: fc.constantFrom('s', 'm'),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});
const change = fc.record({
  do: fc.constant('change' as const),
  queue,
  picks: fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
  change: fc.constantFrom<Change[]>('lease', 'run', 'succeed', 'succeed', 'requeue'),
  stale: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  termLag: fc.constantFrom(null, null, 0, 1, -1),
});
const others: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant('repeat' as const), pick: fc.nat(50) }),
  fc.record({
    do: fc.constant('control' as const),
    queue,
    remove: fc.boolean(),
    expected: fc.constantFrom('current', 'none', undefined),
  }),
  fc.constant({ do: 'lead' }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4000 }) }),
  fc.constant({ do: 'trim' }),
];
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: submit },
    { weight: 8, arbitrary: change },
    ...others.map((arbitrary) => ({ weight: 2, arbitrary })),
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'reopen' }) },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);

/** The engine and the model, side by side. */
interface Pair {
  store: Store;
  model: plain.Model;
  clock: SteppedClock;
  /** Every batch so far. */
  batches: Batch[];
  reopen: () => Promise<Store>;
}

export function modelSuite(engine: Engine): void {
  describe('model', () => {
    it(`agrees with the plain model in ${RUNS} random histories`, {
      timeout: 60_000 + RUNS * 2000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (history) => {
          const place = await engine.createPlace();
          const clock = createSteppedClock(1_800_000_000_000);
          const reopen = () => engine.open(place, { clock, partitions: 2, tailEntries: 8 });
          const pair: Pair = {
            store: await reopen(),
            model: plain.createModel(2),
            clock,
            batches: [],
            reopen,
          };
          try {
            for (const name of QUEUES.slice(0, 2))
              await step(pair, { do: 'control', queue: name, remove: false, expected: 'none' });
            for (const each of history) await step(pair, each);
            await assertAgreement(pair);
          } finally {
            await pair.store.close();
            await engine.removePlace(place);
          }
        }),
        {
          numRuns: RUNS,
          seed: 20_261_121,
          interruptAfterTimeLimit: 30_000 + RUNS * 1000,
          markInterruptAsFailure: true,
        },
      );
    });
  });
}

async function step(pair: Pair, each: Step): Promise<void> {
  const { store, model, clock } = pair;
  switch (each.do) {
    case 'submit':
      return append(pair, submitBatch(withoutTwins(each.jobs), { ...each, atMs: clock.now() }));
    case 'change':
      return append(pair, batchOfChange(pair, each));
    case 'repeat': {
      const batch = pair.batches[each.pick % Math.max(1, pair.batches.length)];
      return batch && append(pair, batch);
    }
    case 'control': {
      const current = model.controls.get(plain.controlKey('queue', each.queue))?.version ?? 0;
      const versions = { current, none: 0 };
      const expected = each.expected && versions[each.expected];
      const made = queueChange(each.queue, expected, current);
      const asked = each.remove ? { ...made, record: null } : made;
      return assert.deepEqual(
        shownResult(await store.control(asked)),
        shownResult(plain.control(model, asked)),
      );
    }
    case 'lead':
      return assert.deepEqual(await leadAnew(store), plain.lead(model));
    case 'wait':
      return clock.step(each.ms);
    case 'trim':
      // Twice: what one pass frees (events), the next may take (records).
      for (let pass = 0; pass < 2; pass++) {
        plain.trim(model, clock.now(), RETENTION);
        while (await store.trim(clock.now(), RETENTION));
      }
      return;
    case 'reopen':
      await store.close();
      pair.store = await pair.reopen();
  }
}

/** Submit sends no client id twice in one batch. */
function withoutTwins(jobs: readonly JobOptions[]): JobOptions[] {
  const seen = new Set<string>();
  return jobs.map(({ clientId = '', ...job }) => {
    const twin = seen.has(clientId);
    seen.add(clientId);
    return { ...job, clientId: twin ? '' : clientId };
  });
}

async function append(pair: Pair, batch: Batch | undefined): Promise<void> {
  if (!batch) return;
  pair.batches.push(batch);
  const { store, model, clock } = pair;
  const expected = plain.append(model, batch, clock.now(), store.info.epochMs);
  assert.deepEqual(shownAppend(await store.append(batch)), shownAppend(expected));
}

function batchOfChange({ model }: Pair, each: Extract<Step, { do: 'change' }>): Batch | undefined {
  const live = plain.jobsOf(model, each.queue).filter(plain.isLive);
  const picked = new Set(each.picks.map((pick) => live[pick % live.length]));
  const jobs = [...picked].flatMap((job) => job ?? []);
  if (jobs.length === 0) return undefined;
  const chosen = jobs.map(({ record, version }) => ({ record, version: each.stale ? version - 1 : version }));
  const endedAtMs = Math.max(...jobs.map(({ record }) => record.submittedAtMs));
  const term = each.termLag === null ? undefined : Math.max(...model.terms) - each.termLag;
  return changeBatch(chosen, each.change, { atMs: endedAtMs, ...(term !== undefined && { term }) });
}

function shownAppend(result: AppendResult): unknown {
  switch (result.outcome) {
    case 'applied':
      return shownEntry(result.entry);
    case 'stale':
      return result.current.map(shownJob);
    case 'claimed':
      return result.claims.map(({ clientId, jobId, hash }) => [clientId, jobId, Buffer.from(hash)]);
    case 'repeated':
    case 'no-queue':
    case 'sealed':
      return result;
  }
}

/** Bytes as buffers, whichever kind of array they came in. */
function shownResult(result: Awaited<ReturnType<Store['control']>>): unknown {
  if (result.outcome !== 'stale') return result;
  return result.current && { ...result.current, record: Buffer.from(result.current.record) };
}

/** Compares all that can be read. */
async function assertAgreement({ store, model, batches }: Pair): Promise<void> {
  const { read } = store;
  const everyId = [...new Set(batches.flatMap(({ submitted }) => idsOf(submitted)))];
  const kept = everyId.flatMap((id) => model.jobs.get(id) ?? []);
  assert.deepEqual((await read.jobs(everyId)).map(shownJob), kept.map(shownJob));
  assert.deepEqual([...(await read.specs(everyId)).keys()], idsOf(kept));
  const runs = kept.flatMap(({ record }) => record.runs.map(({ runId }) => [runId, record.jobId]));
  const ofRuns = await read.jobsOfRuns(runs.map(([runId = '']) => runId));
  assert.deepEqual(
    [...ofRuns].map(([runId, job]) => [runId, ...idsOf([job])]),
    runs,
  );
  assert.deepEqual(await store.heads(), model.heads);
  for (const name of QUEUES) {
    const stored = await read.queue(name);
    assert.equal(stored?.version, model.controls.get(plain.controlKey('queue', name))?.version);
    const claims = await read.claims(name, ['1', '2', '3']);
    assert.deepEqual(
      claims.map(({ clientId, jobId }) => [clientId, jobId]),
      ['1', '2', '3']
        .flatMap((id) => plain.claimsOf(model, name).get(id) ?? [])
        .map(({ clientId, jobId }) => [clientId, jobId]),
    );
    for (const jobSet of ['x', 'y']) await assertJobSet({ store, model }, name, jobSet);
    const active = plain.jobsOf(model, name).filter(plain.isLive);
    assert.deepEqual(
      (await read.activeJobSets(name)).map(({ jobSet }) => jobSet),
      [...new Set(active.map(({ record }) => record.jobSet))].toSorted(),
    );
  }
  const live = [...model.jobs.values()].filter(plain.isLive);
  assert.deepEqual(
    await read.activeQueues(),
    [...new Set(live.map(({ record }) => record.queue))].toSorted(),
  );
  const active = await allActive(store);
  assert.deepEqual(active.jobs.map(shownJob).toSorted(), live.map(shownJob).toSorted());
  assert.deepEqual(
    new Set(active.classes.map(({ id }) => id)),
    new Set(live.map(({ record }) => record.schedulingClass)),
  );
}

async function assertJobSet(
  { store, model }: Pick<Pair, 'store' | 'model'>,
  name: string,
  jobSet: string,
): Promise<void> {
  const info = await store.read.jobSet(name, jobSet);
  const set = model.jobSets.get(`${name}/${jobSet}`);
  const jobs = plain.jobsOf(model, name, jobSet);
  const queued = jobs.filter(plain.isQueued).length;
  const expected = set && {
    queue: name,
    jobSet,
    streamCreatedMs: set.createdMs,
    lastNumber: set.last,
    firstNumber: set.sequences[0]?.number ?? set.last + 1,
    queued,
    leased: jobs.filter(plain.isLive).length - queued,
  };
  assert.deepEqual(info, expected);
  const stream = await store.read.stream(name, jobSet, 0, 1e9);
  assert.deepEqual(stream.map(shownSequence), (set?.sequences ?? []).map(shownSequence));
  const liveIds = idsOf(jobs.filter(plain.isLive)).toSorted();
  assert.deepEqual(await store.read.liveJobIds(name, jobSet, '', 1000), liveIds);
  const byState = Map.groupBy(jobs, ({ record }) => record.state);
  for (const [state, members] of [...byState, [undefined, jobs] as const]) {
    const part = { states: state === undefined ? [] : [state], afterId: '', limit: 1000 };
    const listed = await store.read.jobsOfSet(name, jobSet, part);
    assert.deepEqual(listed.map(shownJob), members.toSorted(byId).map(shownJob));
  }
  const isNamed = (await store.read.jobSetNames(name, jobSet, 1))[0] === jobSet;
  assert.equal(isNamed, jobs.length > 0);
}

function byId(one: { record: { jobId: string } }, other: { record: { jobId: string } }): number {
  return one.record.jobId < other.record.jobId ? -1 : 1;
}
