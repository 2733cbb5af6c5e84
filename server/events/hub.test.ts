import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idsIn, eventsIn } from './testing/framed.ts';
import { createStreams, type Payload, type Streams } from './testing/streams.ts';
import { createEventHub, type EventHub, type Feed, MAX_FEED_BYTES, MAX_HUB_BYTES, RUN_BYTES } from './hub.ts';

const submit = (jobId: string): Payload => ({ $case: 'submitJob', value: SubmitJob.create({ jobId }) });
const cancel = (jobId: string, reason = ''): Payload => ({ $case: 'cancelJob', value: { jobId, reason } });
const silent = (jobId: string): Payload => ({
  $case: 'jobRunSucceeded',
  value: { jobId, runId: 'run', resourceInfos: [] },
});

function setUp(): { streams: Streams; hub: EventHub; news: (...events: Payload[]) => void } {
  const streams = createStreams();
  const hub = createEventHub(streams.store);
  return { streams, hub, news: (...events) => hub.apply(streams.append('set', events)) };
}

/** Numbers and ids of all there is after `after`. */
async function readAll(feed: Feed, after: number): Promise<string[]> {
  const ids: string[] = [];
  for (let next = await feed.next(after); next; next = await feed.next(next.number)) {
    ids.push(...idsIn(next.events.bytes));
  }
  return ids;
}

const never = new AbortController().signal;

test('a feed gives every sequence in order, with encoded events that name their place', async () => {
  const { hub, news, streams } = setUp();
  news(submit('a'));
  const feed = hub.join('queue', 'set');
  news(silent('a'));
  news(cancel('a', 'enough'));
  const first = await feed.next(0);
  assert(first);
  const { streamCreatedMs: ms } = first;
  assert.deepEqual(idsIn(first.events.bytes), [`${ms}:1:0:0`, `${ms}:1:1:1`]);
  const second = await feed.next(1);
  assert.deepEqual([second?.number, second?.events.bytes.length], [2, 0]);
  const third = await feed.next(2);
  const message = eventsIn(third?.events.bytes ?? Buffer.alloc(0))[0];
  assert(message);
  assert.equal(message.id, `${ms}:3:0:1`);
  assert(message.message?.events?.$case === 'cancelling');
  assert.equal(message.message.events.value.reason, 'enough');
  assert.equal(await feed.next(3), undefined);
  feed.leave();
  assert(streams.reads.stream <= 2);
});

test('submit events carry the spec, read and encoded once for all who watch', async () => {
  const { hub, news, streams } = setUp();
  streams.specs.set('a', SubmitJob.create({ jobId: 'a', deduplicationId: 'mine' }));
  const feeds = Array.from({ length: 100 }, () => hub.join('queue', 'set'));
  news(submit('a'));
  const all = await Promise.all(feeds.map((feed) => feed.next(0)));
  assert.equal(streams.reads.specs, 1);
  assert(all.every((sequence) => sequence === all[0]));
  const { message } = eventsIn(all[0]!.events.bytes)[0]!;
  assert(message?.events?.$case === 'submitted');
  assert.equal(message.events.value.job?.clientId, 'mine');
});

test('whoever looks back at the same time shares the reads of the store', async () => {
  const { hub, news, streams } = setUp();
  for (let i = 0; i < 20; i++) news(submit(`job-${i}`));
  const feeds = Array.from({ length: 50 }, () => hub.join('queue', 'set'));
  const all = await Promise.all(feeds.map((feed) => readAll(feed, 0)));
  assert(all.every((ids) => ids.length === 40));
  assert.equal(streams.reads.specs, 20);
  assert(streams.reads.stream <= 2, `${streams.reads.stream} reads`);
});

test('a history of many pages is read to its end', async () => {
  const { hub, news, streams } = setUp();
  for (let i = 0; i < 300; i++) news(cancel('a', 'x'.repeat(2000)));
  const ids = await readAll(hub.join('queue', 'set'), 0);
  assert.equal(ids.length, 300);
  assert(streams.reads.stream > 5, 'it takes more than one page');
});

test('of a page of submit events only what is asked for is encoded', async () => {
  const { hub, news, streams } = setUp();
  for (let i = 0; i < 200; i++) news(submit(`job-${i}`));
  const feed = hub.join('queue', 'set');
  await feed.next(0);
  assert.equal(streams.reads.specs, 1);
});

test('what is kept of a watched job set is bounded, whether its events are many, large or none', async () => {
  const { hub, news, streams } = setUp();
  const feed = hub.join('queue', 'set');
  assert.equal(await feed.next(0), undefined);
  const large = 'x'.repeat(MAX_FEED_BYTES / 8);
  for (let i = 0; i < 20; i++) news(cancel('a', large));
  // Until all is encoded.
  await feed.next(19);
  streams.reads.stream = 0;
  for (let after = 19; after >= 14; after--) await feed.next(after);
  assert.equal(streams.reads.stream, 0, 'the newest are there');
  assert.equal((await feed.next(5))?.number, 6);
  assert.equal(streams.reads.stream, 1, 'the oldest are not');

  const manyAndSilent = MAX_FEED_BYTES / 256;
  for (let i = 0; i < manyAndSilent + 100; i++) news(silent('a'));
  await feed.next(20 + manyAndSilent);
  streams.reads.stream = 0;
  assert.equal((await feed.next(20))?.number, 21);
  assert.equal(streams.reads.stream, 1, 'sequences without public events take room as well');
});

test('with very many watched job sets less is kept of each', async () => {
  const { hub, news, streams } = setUp();
  const feed = hub.join('queue', 'set');
  for (let i = 1; i < (4 * MAX_HUB_BYTES) / MAX_FEED_BYTES; i++) hub.join('queue', `other-${i}`);
  assert.equal(await feed.next(0), undefined);
  for (let i = 0; i < 20; i++) news(cancel('a', 'x'.repeat(MAX_FEED_BYTES / 16)));
  await feed.next(19);
  streams.reads.stream = 0;
  await feed.next(18);
  assert.equal(streams.reads.stream, 0, 'the newest are there');
  await feed.next(14);
  assert.equal(streams.reads.stream, 1, 'of 4 MiB only a quarter is');
});

test('small sequences at hand are joined, once for all who are at the same place', async () => {
  const { hub, news } = setUp();
  const feed = hub.join('queue', 'set');
  const other = hub.join('queue', 'set');
  assert.equal(await feed.next(0), undefined);
  for (let i = 0; i < 5; i++) news(cancel('a', String(i)));
  await feed.next(4);
  const first = await feed.next(0);
  const fifth = await feed.next(4);
  assert(first && fifth);
  const run = feed.runFrom(first, Number.POSITIVE_INFINITY);
  assert.equal(run.last, 5);
  assert.equal(other.runFrom(first, Number.POSITIVE_INFINITY), run);
  const reasons = eventsIn(run.bytes).map(({ message }) =>
    message?.events?.$case === 'cancelling' ? message.events.value.reason : undefined,
  );
  assert.deepEqual(reasons, ['0', '1', '2', '3', '4']);
  assert.equal(feed.runFrom(first, 3).last, 3, 'no further than asked for');
  news(cancel('a', 'x'.repeat(RUN_BYTES)));
  await feed.next(5);
  assert.equal(feed.runFrom(first, Number.POSITIVE_INFINITY).last, 5, 'what is too much comes by itself');
  news(cancel('a', 'last'));
  await feed.next(6);
  const large = await feed.next(5);
  assert(large);
  assert.equal(feed.runFrom(large, Number.POSITIVE_INFINITY).bytes, large.events.bytes);
  assert.equal(feed.runFrom(fifth, Number.POSITIVE_INFINITY).last, 5);
});

test('a run that can grow is not given again as it was', async () => {
  const { hub, news } = setUp();
  const feed = hub.join('queue', 'set');
  assert.equal(await feed.next(0), undefined);
  const ends: number[] = [];
  for (let i = 1; i <= 8; i++) {
    news(cancel('a'));
    await feed.next(i - 1);
    ends.push(feed.runFrom((await feed.next(0))!, Number.POSITIVE_INFINITY).last);
  }
  assert.deepEqual(ends, [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('who is far behind reads the store and catches up with the kept part', async () => {
  const { hub, news } = setUp();
  const live = hub.join('queue', 'set');
  const lagging = hub.join('queue', 'set');
  const seen: string[] = [];
  for (let i = 1; i <= 40; i++) {
    news(cancel('a', 'x'.repeat(300_000)));
    const sequence = await live.next(i - 1);
    seen.push(...idsIn(sequence!.events.bytes));
  }
  assert.deepEqual(await readAll(lagging, 0), seen);
  assert.equal(seen.length, 40);
});

test('changed() waits for news and for nothing else', async () => {
  const { hub, news } = setUp();
  news(cancel('a'));
  const feed = hub.join('queue', 'set');
  await readAll(feed, 0);
  let woken = 0;
  const gone = new AbortController();
  const waiting = feed.changed(1, gone.signal).then(() => woken++);
  hub.apply(createStreams().append('another set', [cancel('a')]));
  await new Promise(setImmediate);
  assert.equal(woken, 0);
  news(cancel('b'));
  await waiting;
  assert.equal((await feed.next(1))?.number, 2);
  // There is something already, or nobody wants to know.
  await feed.changed(1, never);
  const aborted = feed.changed(2, gone.signal);
  gone.abort();
  await aborted;
  await feed.changed(2, gone.signal);
});

test('missed() makes watchers look again', async () => {
  const { hub, streams } = setUp();
  const feed = hub.join('queue', 'set');
  assert.equal(await feed.next(0), undefined);
  streams.append('set', [cancel('a')]);
  assert.equal(await feed.next(0), undefined, 'nobody told the hub');
  const waiting = feed.changed(0, never);
  hub.missed();
  await waiting;
  assert.equal((await feed.next(0))?.number, 1);
});

test('entries that the store shows before the log tells of them come once', async () => {
  const { hub, streams } = setUp();
  const feed = hub.join('queue', 'set');
  const entries = [1, 2, 3].map(() => streams.append('set', [cancel('a')]));
  assert.equal((await feed.next(0))?.number, 1);
  for (const entry of entries) hub.apply(entry);
  assert.equal((await readAll(feed, 1)).length, 2);
  assert.equal(await feed.next(3), undefined);
});

test('a log that lags behind the store does not hide what the store shows', async () => {
  const { hub, streams } = setUp();
  const entries = [1, 2, 3].map(() => streams.append('set', [cancel('a')]));
  const feed = hub.join('queue', 'set');
  hub.apply(entries[0]!);
  assert.equal((await feed.next(2))?.number, 3);
  assert.equal(await feed.next(3), undefined);
});

test('a store that cannot be read fails the readers, and not for ever', async () => {
  const { hub, news, streams } = setUp();
  news(cancel('a'));
  const feed = hub.join('queue', 'set');
  streams.fault = new Error('disk');
  await assert.rejects(feed.next(0), { message: 'disk' });
  streams.fault = undefined;
  assert.equal((await feed.next(0))?.number, 1);
});

test('who waits at a place that is trimmed away learns it', async () => {
  const { hub, news, streams } = setUp();
  for (let i = 0; i < 5; i++) news(cancel('a'));
  streams.trim('set', 5);
  await assert.rejects(hub.join('queue', 'set').next(2), { code: 'EVENTS_GONE' });
});

test('a job set that was removed and made anew ends those who wait at the old one', async () => {
  const { hub, news, streams } = setUp();
  for (let i = 0; i < 3; i++) news(cancel('a'));
  const feed = hub.join('queue', 'set');
  await readAll(feed, 0);
  const waiting = feed.changed(3, never);
  streams.trim('set', 3);
  streams.remove('set');
  news(cancel('b'));
  await waiting;
  await assert.rejects(feed.next(3), { code: 'UNAVAILABLE' });
  const again = hub.join('queue', 'set');
  assert.equal((await readAll(again, 0)).length, 1);
  feed.leave();
  news(cancel('c'));
  assert.equal((await again.next(1))?.number, 2, 'the old feed takes nothing along when it goes');
});

test('a job set that was made anew is noticed by who comes back to an old place', async () => {
  const { hub, news, streams } = setUp();
  for (let i = 0; i < 3; i++) news(cancel('a'));
  streams.remove('set');
  await assert.rejects(hub.join('queue', 'set').next(3), { code: 'UNAVAILABLE' });
});

test('a hub keeps nothing of job sets that nobody watches any more', async () => {
  const { hub, news, streams } = setUp();
  const feed = hub.join('queue', 'set');
  const other = hub.join('queue', 'set');
  news(cancel('a'));
  await feed.next(0);
  feed.leave();
  feed.leave();
  streams.reads.stream = 0;
  await other.next(0);
  assert.equal(streams.reads.stream, 0, 'leaving twice counts once');
  other.leave();
  const again = hub.join('queue', 'set');
  await again.next(0);
  assert.equal(streams.reads.stream, 1);
});
