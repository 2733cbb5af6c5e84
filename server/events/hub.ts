/**
 * One encoding of every event for all who watch it.
 *
 * The hub follows the log and keeps, for each job set that somebody watches,
 * the newest sequences in encoded form, up to a bound. A watcher is nothing but
 * a cursor (watch.ts): it asks for the sequence after the one it has. What the
 * hub does not hold it reads from the store, once for all who ask at the same
 * time. So nobody's slowness makes anything grow: whoever lags reads the store
 * until it is inside the kept part again.
 */
import { EventStreamMessage } from '@armada-ts/api/api/event';
import type { LogEntry, StoredSequence, Store } from '../store/store.ts';
import { publicEvents } from './convert.ts';
import { messageId } from './message-id.ts';

/** Encoded bytes kept for one watched job set; a burst of about 10,000 small events. */
const MAX_FEED_BYTES = 4 * 1024 * 1024;

/** What one read of the store fetches at most. */
const PAGE_BYTES = 1024 * 1024;

/** A public event, ready to send: an encoded api.EventStreamMessage. */
export interface EncodedEvent {
  id: string;
  bytes: Uint8Array;
}

/** A sequence as watchers see it; `events` may be empty. */
export interface EncodedSequence {
  number: number;
  streamCreatedMs: number;
  events: EncodedEvent[];
  /** Sum of the events' bytes, for the bound. */
  byteLength: number;
}

export interface EventHub {
  /** Takes news from the log. Entries come once, in order within their partition. */
  apply(entry: LogEntry): void;

  /** Says that entries were missed: what is newest is to be looked up again. */
  missed(): void;

  /** Joins the watchers of a job set, which need not exist yet. */
  join(queue: string, jobSet: string): Feed;
}

/** The events of one job set, shared by its watchers. Leave it when done. */
export interface Feed {
  /** The sequence after number `after`, or undefined when there is none yet. Throws what the store throws. */
  next(after: number): Promise<EncodedSequence | undefined>;

  /** Resolves when there may be more than number `after`, or the signal aborts. */
  changed(after: number, signal: AbortSignal): Promise<void>;

  leave(): void;
}

interface FeedState {
  queue: string;
  jobSet: string;
  watchers: number;
  /** Highest number known; -1 before anything is known. */
  newest: number;
  kept: Map<number, KeptSequence>;
  keptBytes: number;
  /** Reads of the store under way, by the number they read after. */
  loading: Map<number, Promise<EncodedSequence | undefined>>;
  waiting: Set<() => void>;
}

interface KeptSequence {
  encoding: Promise<EncodedSequence>;
  /** 0 until encoded. */
  byteLength: number;
}

/** Makes the hub of one server process. */
export function createEventHub(store: Store): EventHub {
  const feeds = new Map<string, FeedState>();

  return {
    apply(entry) {
      for (const stored of entry.sequences) {
        const feed = feeds.get(feedKey(entry.queue, stored.jobSet));
        if (!feed) continue;
        feed.newest = Math.max(feed.newest, stored.number);
        if (!feed.kept.has(stored.number)) keep(feed, stored.number, encodeSequence(store, stored));
        wake(feed);
      }
    },

    missed() {
      for (const feed of feeds.values()) {
        feed.newest = -1;
        wake(feed);
      }
    },

    join(queue, jobSet) {
      const key = feedKey(queue, jobSet);
      let feed = feeds.get(key);
      if (!feed) {
        const nothingKept = {
          kept: new Map(),
          keptBytes: 0,
          loading: new Map(),
          waiting: new Set<() => void>(),
        };
        feed = { queue, jobSet, watchers: 0, newest: -1, ...nothingKept };
        feeds.set(key, feed);
      }
      return openFeed(store, feed, () => feeds.delete(key));
    },
  };
}

function openFeed(store: Store, feed: FeedState, remove: () => void): Feed {
  feed.watchers++;
  let joined = true;
  return {
    async next(after) {
      const kept = feed.kept.get(after + 1);
      if (kept) return await kept.encoding;
      if (feed.newest >= 0 && after >= feed.newest) return undefined;
      let loading = feed.loading.get(after);
      if (!loading) {
        loading = loadPage(store, feed, after).finally(() => feed.loading.delete(after));
        feed.loading.set(after, loading);
      }
      return await loading;
    },

    async changed(after, signal) {
      if (signal.aborted || feed.newest > after || feed.newest < 0) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          feed.waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        feed.waiting.add(done);
        signal.addEventListener('abort', done);
      });
    },

    leave() {
      if (!joined) return;
      joined = false;
      if (--feed.watchers === 0) remove();
    },
  };
}

/** Reads from the store what comes after `after`, keeps it, and answers its first sequence. */
async function loadPage(store: Store, feed: FeedState, after: number): Promise<EncodedSequence | undefined> {
  const page = await store.read.stream(feed.queue, feed.jobSet, after, PAGE_BYTES);
  for (const stored of page) {
    if (!feed.kept.has(stored.number)) keep(feed, stored.number, encodeSequence(store, stored));
  }
  feed.newest = Math.max(feed.newest, page.at(-1)?.number ?? after, 0);
  const first = page[0];
  if (!first) return undefined;
  return await (feed.kept.get(first.number)?.encoding ?? encodeSequence(store, first));
}

/** Keeps an encoding, and lets the ones kept longest go when there are too many bytes. */
function keep(feed: FeedState, number: number, encoding: Promise<EncodedSequence>): void {
  const slot: KeptSequence = { encoding, byteLength: 0 };
  feed.kept.set(number, slot);
  encoding.then(
    (sequence) => {
      if (feed.kept.get(number) !== slot) return;
      slot.byteLength = sequence.byteLength;
      feed.keptBytes += slot.byteLength;
      for (const [oldest, dropped] of feed.kept) {
        if (feed.keptBytes <= MAX_FEED_BYTES || oldest === number) break;
        feed.kept.delete(oldest);
        feed.keptBytes -= dropped.byteLength;
      }
    },
    () => feed.kept.delete(number),
  );
}

function wake(feed: FeedState): void {
  for (const done of feed.waiting) done();
}

async function encodeSequence(store: Store, stored: StoredSequence): Promise<EncodedSequence> {
  const submitted = (stored.events?.events ?? []).flatMap(({ event }) =>
    event?.$case === 'submitJob' ? [event.value.jobId] : [],
  );
  const specs = submitted.length > 0 ? await store.read.specs(submitted) : new Map<string, never>();
  const messages = publicEvents(stored, specs);
  let byteLength = 0;
  const events = messages.map((message, index) => {
    const last = index === messages.length - 1;
    const id = messageId(stored.streamCreatedMs, stored.number, index, last);
    const bytes = EventStreamMessage.encode({ id, message }).finish();
    byteLength += bytes.byteLength;
    return { id, bytes };
  });
  return { number: stored.number, streamCreatedMs: stored.streamCreatedMs, events, byteLength };
}

function feedKey(queue: string, jobSet: string): string {
  return JSON.stringify([queue, jobSet]);
}
