import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idsIn } from './testing/framed.ts';
import { createStreams, type Payload, type Streams } from './testing/streams.ts';
import { createAuthorizer } from '../auth/authorizer.ts';
import { standaloneAuth } from '../auth/config.ts';
import { controlEntry } from '../store/entries.ts';
import { createEventHub, type EventHub } from './hub.ts';
import { jobSetEvents, type JobSetEventsRequest } from './watch.ts';

const ann = { name: 'ann', groups: [], scopes: [], scheme: 'test' };
const all = createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth });
const nothing = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });

const cancel: Payload = { $case: 'cancelJob', value: { jobId: 'a', reason: '' } };
const submit: Payload = { $case: 'submitJob', value: SubmitJob.create({ jobId: 'a' }) };
const silent: Payload = {
  $case: 'jobRequeued',
  value: { jobId: 'a', schedulingInfo: undefined, updateSequenceNumber: 0 },
};

interface World {
  streams: Streams;
  hub: EventHub;
  news: (...events: Payload[]) => void;
  /** Starts to read; the ids so far are in `ids`. */
  read(request?: Partial<JobSetEventsRequest>): Reading;
}

interface Reading {
  ids: string[];
  done: Promise<void>;
  stop: () => void;
}

function setUp(authorizer = all): World {
  const streams = createStreams();
  const hub = createEventHub(streams.store);
  const deps = { store: streams.store, hub, authorizer };
  return {
    streams,
    hub,
    news: (...events) => hub.apply(streams.append('set', events)),
    read(request = {}) {
      const gone = new AbortController();
      const ids: string[] = [];
      const whole = {
        queue: 'queue',
        jobSet: 'set',
        fromMessageId: '',
        watch: false,
        errorIfMissing: false,
        ...request,
      };
      const run = async (): Promise<void> => {
        for await (const events of jobSetEvents(deps, ann, whole, gone.signal)) {
          ids.push(...idsIn(events));
        }
      };
      return { ids, done: run(), stop: () => gone.abort() };
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function idsOf(world: World, request: Partial<JobSetEventsRequest> = {}): Promise<string[]> {
  const reading = world.read(request);
  await reading.done;
  return reading.ids;
}

test('whatever id a reader resumes from, it gets exactly what comes after', async () => {
  const sequences = fc.array(
    fc.array(fc.constantFrom(cancel, submit, silent), { minLength: 1, maxLength: 4 }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  await fc.assert(
    fc.asyncProperty(sequences, async (given) => {
      const world = setUp();
      for (const events of given) world.news(...events);
      const ids = await idsOf(world);
      assert.equal(new Set(ids).size, ids.length, 'no id twice');
      assert.equal(
        ids.length,
        given.flat().reduce((sum, event) => sum + PUBLIC.get(event)!, 0),
      );
      for (const [index, fromMessageId] of ids.entries()) {
        assert.deepEqual(await idsOf(world, { fromMessageId }), ids.slice(index + 1));
      }
    }),
    { numRuns: 50 },
  );
});

/** Public events of each. */
const PUBLIC = new Map<Payload, number>([
  [cancel, 1],
  [submit, 2],
  [silent, 0],
]);

test('watchers who come before, while and after events happen all see the same', async () => {
  const steps = fc.array(fc.constantFrom('append', 'join', 'resume', 'pause', 'missed'), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const world = setUp();
      const readings = [{ ...world.read({ watch: true }), before: 0 }];
      for (const step of given) {
        if (step === 'append') world.news(submit, silent, cancel);
        if (step === 'join') readings.push({ ...world.read({ watch: true }), before: 0 });
        if (step === 'resume') {
          const seen = readings[0]!.ids;
          const before = seen.length >> 1;
          readings.push({ ...world.read({ watch: true, fromMessageId: seen[before - 1] ?? '' }), before });
        }
        if (step === 'pause') await settled();
        if (step === 'missed') world.hub.missed();
      }
      await settled();
      const expected = await idsOf(world);
      for (const { ids, before, stop, done } of readings) {
        assert.deepEqual(ids, expected.slice(before));
        stop();
        await done;
      }
    }),
    { numRuns: 30 },
  );
});

test('a read that does not watch ends at what was newest when it began', async () => {
  const world = setUp();
  world.news(submit);
  world.news(cancel);
  const before = await idsOf(world);
  const bounded = world.read();
  while (bounded.ids.length === 0) await new Promise(setImmediate);
  world.news(cancel);
  await bounded.done;
  assert.deepEqual(bounded.ids, before);
});

test('a read that does not watch ends, though the last sequences show nothing', async () => {
  const world = setUp();
  world.news(cancel);
  for (let i = 0; i < 600; i++) world.news(silent);
  assert.equal((await idsOf(world)).length, 1);
});

test('a job set that is not there: empty, refused, or waited for', async () => {
  const world = setUp();
  assert.deepEqual(await idsOf(world), []);
  await assert.rejects(world.read({ errorIfMissing: true }).done, {
    code: 'JOB_SET_NOT_FOUND',
    message: 'job set "set" of queue "queue" has no events',
  });
  const reading = world.read({ watch: true });
  await settled();
  world.news(submit);
  await settled();
  assert.equal(reading.ids.length, 2);
  reading.stop();
  await reading.done;
});

test('a queue must be there, and the caller must be allowed to watch it', async () => {
  await assert.rejects(setUp().read({ queue: 'other' }).done, {
    code: 'QUEUE_NOT_FOUND',
    message: 'queue "other" does not exist; create it, or check the spelling',
  });
  const world = setUp(nothing);
  world.news(submit);
  await assert.rejects(world.read().done, { code: 'PERMISSION_DENIED' });
});

test('an id that is none is refused, by the name of its field', async () => {
  const fromMessageId = `${'x'.repeat(59)}😀 and more`;
  await assert.rejects(
    setUp().read({ fromMessageId }).done,
    (error: Error & { faults?: { field: string }[] }) => {
      assert.equal(error.faults?.[0]?.field, 'from_message_id');
      return 'code' in error && error.code === 'INVALID_REQUEST' && error.message.length < 300;
    },
  );
});

test('an id whose successors are trimmed away is refused, one at the edge is not', async () => {
  const world = setUp();
  for (let i = 0; i < 6; i++) world.news(submit);
  const ids = await idsOf(world);
  world.streams.trim('set', 3);
  world.hub.missed();
  assert.deepEqual(await idsOf(world), ids.slice(6), 'all that is kept');
  assert.deepEqual(await idsOf(world, { fromMessageId: ids[5]! }), ids.slice(6));
  for (const fromMessageId of ids.slice(0, 5)) {
    await assert.rejects(world.read({ fromMessageId }).done, { code: 'EVENTS_GONE' }, fromMessageId);
  }
});

test('an id beyond the end of the stream is refused', async () => {
  const world = setUp();
  world.news(submit);
  const [ms] = (await idsOf(world))[0]!.split(':');
  for (const id of [`${ms}:2:0:0`, `${ms}:2:0:1`, `${ms}:9:0:1`, `${Number(ms) + 1}:1:0:1`]) {
    await assert.rejects(world.read({ fromMessageId: id }).done, { code: 'EVENTS_GONE' }, id);
  }
});

test('an id of an earlier incarnation of the job set stands for its start', async () => {
  const world = setUp();
  for (let i = 0; i < 5; i++) world.news(cancel);
  const old = await idsOf(world);
  world.streams.remove('set');
  world.news(submit);
  const fresh = await idsOf(world);
  assert.equal(fresh.length, 2);
  assert.deepEqual(await idsOf(world, { fromMessageId: old[4]! }), fresh);
  assert.deepEqual(await idsOf(world, { fromMessageId: '1663000000000-7' }), fresh);
});

test('a watcher of a job set that is removed and made anew is told to come back', async () => {
  const world = setUp();
  world.news(cancel);
  world.news(cancel);
  const reading = world.read({ watch: true });
  await settled();
  world.streams.trim('set', 2);
  world.streams.remove('set');
  const ended = assert.rejects(reading.done, { code: 'UNAVAILABLE' });
  world.news(submit);
  await ended;
  assert.equal((await idsOf(world, { fromMessageId: reading.ids[1]! })).length, 2);
});

test('a reader that is overtaken by retention learns that it has missed something', async () => {
  const world = setUp();
  for (let i = 0; i < 3; i++) world.news(cancel);
  const events = jobSetEvents(
    { store: world.streams.store, hub: world.hub, authorizer: all },
    ann,
    { queue: 'queue', jobSet: 'set', fromMessageId: '', watch: true, errorIfMissing: false },
    new AbortController().signal,
  );
  await events.next();
  world.hub.missed();
  for (let i = 0; i < 300; i++) {
    world.streams.append('set', [{ $case: 'cancelJob', value: { jobId: 'a', reason: 'x'.repeat(1000) } }]);
  }
  world.streams.trim('set', 200);
  await assert.rejects(
    async () => {
      for (let i = 0; i < 10; i++) await events.next();
    },
    { code: 'EVENTS_GONE' },
  );
});

test('a watch ends after the last event of a queue that is deleted, and not when the queue is made anew', async () => {
  const world = setUp();
  const tell = (record: Buffer | null) =>
    world.hub.apply(controlEntry(0, 9, { kind: Control_Kind.KIND_QUEUE, name: 'queue', record }));
  world.news(submit);
  const reading = world.read({ watch: true });
  const ended = assert.rejects(reading.done, { code: 'QUEUE_NOT_FOUND' });
  await settled();
  world.news(cancel);
  tell(Buffer.alloc(0));
  tell(null);
  await ended;
  assert.equal(reading.ids.length, 3);
  tell(Buffer.alloc(0));
  const next = world.read({ watch: true, fromMessageId: reading.ids.at(-1)! });
  world.news(cancel);
  await settled();
  assert.equal(next.ids.length, 1);
  next.stop();
  await next.done;
});

test('an aborted reader ends, wherever it waits', async () => {
  const world = setUp();
  world.news(submit);
  const waiting = world.read({ watch: true });
  await settled();
  waiting.stop();
  await waiting.done;
  const stopped = world.read({ watch: true });
  stopped.stop();
  await stopped.done;
  assert.deepEqual(stopped.ids, []);
});
