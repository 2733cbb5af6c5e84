/**
 * One encoding of every event for all who watch it.
 *
 * The hub follows the log and keeps, for each job set that somebody watches,
 * the newest sequences in encoded form, up to a bound. A watcher is nothing but
 * a cursor (watch.ts): it asks for the sequence after the one it has. What the
 * hub does not hold it reads from the store, a small page at a time and once for
 * all who ask at the same time. So nobody's slowness makes anything grow:
 * whoever lags reads the store until it is inside the kept part again.
 */
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { queueNotFound } from '../auth/queue-access.ts';
import { ArmadaError } from '../base/errors.ts';
import type { LogEntry, StoredSequence, Store } from '../store/store.ts';
import { shown } from '../model/names.ts';
import { type EncodedSequence, encodeSequence } from './encode-sequence.ts';

/** Encoded bytes kept for one watched job set; a burst of about 10,000 small events. */
export const MAX_FEED_BYTES = 4 * 1024 * 1024;

/** The same for all of them together: with very many each keeps less. */
export const MAX_HUB_BYTES = 128 * 1024 * 1024;

/**
 * What one read of the store fetches at most. Whoever lags holds such a page,
 * and one of submit events becomes many times as large when it is encoded,
 * which is why sequences are encoded one by one as they are asked for.
 */
const PAGE_BYTES = 64 * 1024;

/** What can be sent of one or more sequences that follow each other. */
export interface EncodedRun {
  /** Number of the last of them. */
  last: number;
  bytes: Buffer;
}

/** How much is sent at a time: small sequences are joined up to this, so that many are sent at the price of one. */
export const RUN_BYTES = 32 * 1024;

/** Joined runs that are remembered: watchers who keep up ask for the same one. */
const REMEMBERED_RUNS = 4;

export interface EventHub {
  /** Takes news from the log. Entries come once, in order within their partition. */
  apply(entry: LogEntry): void;

  /** Says that entries were missed: what is newest is to be looked up again. */
  missed(): void;

  /** Joins the watchers of a job set, which need not exist yet. */
  join(queue: string, jobSet: string): Feed;

  /** What there is of it now. */
  measure(): HubFigures;
}

export interface HubFigures {
  /** Job sets that somebody watches. */
  feeds: number;
  watchers: number;
  keptBytes: number;
}

/** The events of one job set, shared by its watchers. Leave it when done. */
export interface Feed {
  /**
   * The sequence after number `after`, or undefined when there is none yet.
   * Throws what the store throws, EVENTS_GONE when it is no longer kept, and
   * UNAVAILABLE when the job set was removed meanwhile and its numbers begin anew.
   * After the last sequence of a queue that was deleted it throws QUEUE_NOT_FOUND.
   */
  next(after: number): Promise<EncodedSequence | undefined>;

  /** The events of a sequence together with those that follow it up to number `end`, as far as they are at hand. */
  runFrom(first: EncodedSequence, end: number): EncodedRun;

  /** Resolves when there may be more than number `after`, or the signal aborts. One caller at a time, with one signal. */
  changed(after: number, signal: AbortSignal): Promise<void>;

  leave(): void;
}

interface FeedState {
  queue: string;
  jobSet: string;
  watchers: number;
  /** Incarnation of the stream; 0 before it is known. */
  streamCreatedMs: number;
  /** Highest number there is; -1 before it is known. */
  newest: number;
  /** Another incarnation has taken its place. */
  isOver: boolean;
  /** Its queue was deleted, so nothing follows. */
  isQueueGone: boolean;
  kept: Map<number, KeptSequence>;
  keptBytes: number;
  /** What it may keep now, in bytes. */
  maxKeptBytes: () => number;
  /** Reads of the store under way, by the number they read after. */
  loading: Map<number, Promise<StoredSequence[]>>;
  /** Joined runs by the number of their first sequence. */
  runs: Map<number, EncodedRun>;
  waiting: Set<() => void>;
}

interface KeptSequence {
  encoding: Promise<EncodedSequence>;
  encoded: EncodedSequence | undefined;
  /** 0 until encoded. */
  byteLength: number;
}

/** Makes the hub of one server process. */
export function createEventHub(store: Store): EventHub {
  const feeds = new Map<string, FeedState>();
  const maxKeptBytes = (): number => Math.min(MAX_FEED_BYTES, MAX_HUB_BYTES / feeds.size);

  /** Whoever comes later has found the queue made anew, and shares no feed with those who are told of its end. */
  const endQueue = (queue: string): void => {
    for (const [key, feed] of feeds) {
      if (feed.queue !== queue) continue;
      feed.isQueueGone = true;
      feeds.delete(key);
      wake(feed);
    }
  };

  return {
    apply(entry) {
      for (const stored of entry.sequences) {
        const feed = feeds.get(feedKey(entry.queue, stored.jobSet));
        if (!feed) continue;
        belongs(feed, stored.streamCreatedMs);
        // What is newest stays unknown until it was looked up: the log may lag behind the store.
        if (feed.newest >= 0) feed.newest = Math.max(feed.newest, stored.number);
        if (!feed.isOver) void encodingOf(store, feed, stored);
        wake(feed);
      }
      const { control } = entry;
      if (control?.kind === Control_Kind.KIND_QUEUE && control.record === undefined) endQueue(control.name);
    },

    missed() {
      for (const feed of feeds.values()) {
        feed.newest = -1;
        feed.kept.clear();
        feed.keptBytes = 0;
        feed.runs.clear();
        wake(feed);
      }
    },

    measure() {
      const figures: HubFigures = { feeds: feeds.size, watchers: 0, keptBytes: 0 };
      for (const { watchers, keptBytes } of feeds.values()) {
        figures.watchers += watchers;
        figures.keptBytes += keptBytes;
      }
      return figures;
    },

    join(queue, jobSet) {
      const key = feedKey(queue, jobSet);
      let feed = feeds.get(key);
      if (!feed || feed.isOver) {
        feed = emptyFeed(queue, jobSet, maxKeptBytes);
        feeds.set(key, feed);
      }
      const joined = feed;
      return openFeed(store, joined, () => {
        if (feeds.get(key) === joined) feeds.delete(key);
      });
    },
  };
}

function emptyFeed(queue: string, jobSet: string, maxKeptBytes: () => number): FeedState {
  return {
    queue,
    jobSet,
    watchers: 0,
    streamCreatedMs: 0,
    newest: -1,
    isOver: false,
    isQueueGone: false,
    kept: new Map(),
    keptBytes: 0,
    maxKeptBytes,
    loading: new Map(),
    runs: new Map(),
    waiting: new Set(),
  };
}

function openFeed(store: Store, feed: FeedState, remove: () => void): Feed {
  feed.watchers++;
  let joined = true;
  /** What this watcher has read of the store and not yet passed. */
  let page: readonly StoredSequence[] = [];
  const waiter = createWaiter(feed);
  return {
    async next(after) {
      if (isPast(feed, after)) throw startedAnew(feed);
      const kept = feed.kept.get(after + 1);
      if (kept) return await kept.encoding;
      page = page.slice(page.findLastIndex(({ number }) => number <= after) + 1);
      if (page.length === 0) {
        if (after === feed.newest) return noneYet(feed);
        page = await loadPage(store, feed, after);
        if (isPast(feed, after)) throw startedAnew(feed);
      }
      const stored = page[0];
      return stored ? await encodingOf(store, feed, stored) : noneYet(feed);
    },

    runFrom: (first, end) => runFrom(feed, first, end),

    async changed(after, signal) {
      if (signal.aborted || feed.isOver || feed.isQueueGone || feed.newest > after || feed.newest < 0) return;
      await waiter(signal);
    },

    leave() {
      if (!joined) return;
      joined = false;
      if (--feed.watchers === 0) remove();
    },
  };
}

/** How one watcher waits for news. It listens to its signal once, for adding and removing a listener costs more than waiting. */
function createWaiter(feed: FeedState): (signal: AbortSignal) => Promise<void> {
  let wakeUp: (() => void) | undefined;
  let heard: AbortSignal | undefined;
  const aborted = (): void => {
    if (wakeUp === undefined) return;
    feed.waiting.delete(wakeUp);
    wakeUp();
  };
  return (signal) => {
    if (heard !== signal) signal.addEventListener('abort', aborted, { once: true });
    heard = signal;
    return new Promise((resolve) => {
      wakeUp = resolve;
      feed.waiting.add(resolve);
    });
  };
}

/** Joins what is encoded already; watchers in step share the bytes. */
function runFrom(feed: FeedState, first: EncodedSequence, end: number): EncodedRun {
  const alone = { last: first.number, bytes: first.events.bytes };
  const known = feed.runs.get(first.number);
  if (known && known.last <= end && !canGrow(feed, known, end)) return known;
  const parts = [first.events.bytes];
  let { last } = alone;
  let size = alone.bytes.length;
  for (; last < end; last++) {
    const next = feed.kept.get(last + 1)?.encoded?.events.bytes;
    if (next === undefined || size + next.length > RUN_BYTES) break;
    size += next.length;
    parts.push(next);
  }
  if (last === first.number) return alone;
  const run = { last, bytes: Buffer.concat(parts) };
  feed.runs.delete(first.number);
  feed.runs.set(first.number, run);
  const [oldest] = feed.runs.keys();
  if (feed.runs.size > REMEMBERED_RUNS && oldest !== undefined) feed.runs.delete(oldest);
  return run;
}

function canGrow(feed: FeedState, { last, bytes }: EncodedRun, end: number): boolean {
  const next = last < end ? feed.kept.get(last + 1)?.encoded : undefined;
  return next !== undefined && bytes.length + next.events.bytes.length <= RUN_BYTES;
}

function noneYet({ isQueueGone, queue }: FeedState): undefined {
  if (isQueueGone) throw queueNotFound(queue);
}

/** Whether the stream has no such number any more. */
function isPast(feed: FeedState, after: number): boolean {
  return feed.isOver || (feed.newest >= 0 && after > feed.newest);
}

function startedAnew({ queue, jobSet }: FeedState): ArmadaError {
  const message = `the events of job set ${shown(jobSet)} of queue ${shown(queue)} begin anew; connect again and go on from the last message received`;
  return new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 100 });
}

/** What comes next in the stream is no longer kept. */
export function eventsGone(): ArmadaError {
  const message =
    'events after from_message_id are no longer kept; start again with an empty from_message_id';
  return new ArmadaError('EVENTS_GONE', message);
}

/** Notes which incarnation of the stream is read. */
function belongs(feed: FeedState, streamCreatedMs: number): void {
  if (feed.streamCreatedMs === 0) feed.streamCreatedMs = streamCreatedMs;
  else if (feed.streamCreatedMs !== streamCreatedMs) feed.isOver = true;
}

/** Reads what comes after `after` from the store, once for all who ask at the same time. */
async function loadPage(store: Store, feed: FeedState, after: number): Promise<StoredSequence[]> {
  let loading = feed.loading.get(after);
  if (!loading) {
    loading = readPage(store, feed, after).finally(() => feed.loading.delete(after));
    feed.loading.set(after, loading);
  }
  return await loading;
}

async function readPage(store: Store, feed: FeedState, after: number): Promise<StoredSequence[]> {
  const page = await store.read.stream(feed.queue, feed.jobSet, after, PAGE_BYTES);
  for (const { streamCreatedMs } of page) belongs(feed, streamCreatedMs);
  if (page.length > 0) return page;
  const info = await store.read.jobSet(feed.queue, feed.jobSet);
  if (info) belongs(feed, info.streamCreatedMs);
  if (info && after + 1 < info.firstNumber) throw eventsGone();
  feed.newest = Math.max(feed.newest, info?.lastNumber ?? 0);
  return page;
}

/** The sequence as watchers see it, encoded once for as long as it is kept. */
function encodingOf(store: Store, feed: FeedState, stored: StoredSequence): Promise<EncodedSequence> {
  const kept = feed.kept.get(stored.number);
  if (kept) return kept.encoding;
  const encoding = encodeSequence(store, stored);
  keep(feed, stored.number, encoding);
  return encoding;
}

/** Keeps an encoding, and lets the ones kept longest go when there are too many bytes. */
function keep(feed: FeedState, number: number, encoding: Promise<EncodedSequence>): void {
  const slot: KeptSequence = { encoding, encoded: undefined, byteLength: 0 };
  feed.kept.set(number, slot);
  encoding.then(
    (sequence) => {
      if (feed.kept.get(number) !== slot) return;
      slot.encoded = sequence;
      slot.byteLength = sequence.byteLength;
      feed.keptBytes += slot.byteLength;
      const maxBytes = feed.maxKeptBytes();
      for (const [oldest, dropped] of feed.kept) {
        if (feed.keptBytes <= maxBytes || oldest === number) break;
        feed.kept.delete(oldest);
        feed.keptBytes -= dropped.byteLength;
      }
    },
    () => {
      if (feed.kept.get(number) === slot) feed.kept.delete(number);
    },
  );
}

function wake(feed: FeedState): void {
  const { waiting } = feed;
  feed.waiting = new Set();
  for (const resolve of waiting) resolve();
}

function feedKey(queue: string, jobSet: string): string {
  return JSON.stringify([queue, jobSet]);
}
