/**
 * The one follower of the log in this process. It puts every entry into the
 * ring, in order within its partition: this process's own as soon as they are
 * written, others when word of them comes, or at the latest at the next look,
 * once a second.
 */
import type { LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import type { Positions } from '../store.ts';
import type { Ring } from '../tail.ts';
import type { Seen } from './append.ts';
import type { LogPage } from './log.ts';

/** Between two looks at the heads. */
const LOOK_MS = 1000;

/** How the feed reads. */
export interface FeedSource {
  /** The heads, after a look at whether this is still the same log. */
  look: () => Promise<Positions>;
  /** A page of a partition's log; undefined when what follows is kept no longer. */
  page: (partition: number, after: number) => Promise<LogPage | undefined>;
  logger: Logger;
}

export interface Feed {
  /** An entry of this process is in the log. Resolves when it and all before it are in the ring. */
  wrote(entry: LogEntry, mark: Buffer, bytes: number): Promise<void>;
  /** Another process has written an entry. */
  heard(partition: number, number: number): void;
  /** The newest entry of a partition that is in the ring. */
  seen(partition: number): Seen;
  /** Every partition is another log now, with these newest entries. */
  restart(heads: readonly Seen[]): void;
  close(): void;
}

interface Follower {
  readonly partition: number;
  newest: Seen;
  /** Highest number that is known to be in the log. */
  known: number;
  /** Own entries before which others are missing. */
  early: Map<number, Written>;
  waiting: { number: number; resolve: () => void }[];
  isReading: boolean;
}

interface Written {
  entry: LogEntry;
  mark: Buffer;
  bytes: number;
}

interface State {
  readonly ring: Ring;
  readonly source: FeedSource;
  readonly closing: AbortController;
  followers: Follower[];
}

const NOTHING: Seen = { number: 0, mark: Buffer.alloc(0) };

export function createFeed(ring: Ring, heads: readonly Seen[], source: FeedSource): Feed {
  const state: State = {
    ring,
    source,
    closing: new AbortController(),
    followers: heads.map(newFollower),
  };
  void look(state);
  return {
    wrote(entry, mark, bytes) {
      const follower = state.followers[entry.partition];
      if (!follower || entry.number <= follower.newest.number) return Promise.resolve();
      follower.early.set(entry.number, { entry, mark, bytes });
      follower.known = Math.max(follower.known, entry.number);
      settle(ring, follower);
      if (entry.number <= follower.newest.number) return Promise.resolve();
      void read(state, follower);
      return new Promise((resolve) => follower.waiting.push({ number: entry.number, resolve }));
    },
    heard: (partition, number) => hear(state, partition, number),
    seen: (partition) => state.followers[partition]?.newest ?? NOTHING,
    restart: (newest) => restart(state, newest),
    close() {
      state.closing.abort();
      for (const { waiting } of state.followers) for (const { resolve } of waiting) resolve();
    },
  };
}

function newFollower(newest: Seen, partition: number): Follower {
  return { partition, newest, known: newest.number, early: new Map(), waiting: [], isReading: false };
}

function take(ring: Ring, follower: Follower, { entry, mark, bytes }: Written): void {
  ring.push(entry, bytes);
  follower.newest = { number: entry.number, mark };
  follower.known = Math.max(follower.known, entry.number);
}

/** Takes the early entries whose turn has come, and tells who waits for what is in the ring. */
function settle(ring: Ring, follower: Follower): void {
  for (;;) {
    const next = follower.early.get(follower.newest.number + 1);
    if (!next) break;
    follower.early.delete(next.entry.number);
    take(ring, follower, next);
  }
  const { number } = follower.newest;
  for (const each of follower.early.keys()) if (each <= number) follower.early.delete(each);
  const waiting = follower.waiting;
  follower.waiting = waiting.filter((waiter) => waiter.number > number);
  for (const waiter of waiting) if (waiter.number <= number) waiter.resolve();
}

function hear(state: State, partition: number, number: number): void {
  const follower = state.followers[partition];
  if (!follower) return;
  follower.known = Math.max(follower.known, number);
  if (follower.newest.number < follower.known) void read(state, follower);
}

/** Reads until everything that is known to be there is in the ring. What fails is tried again at the next look. */
async function read(state: State, follower: Follower): Promise<void> {
  if (follower.isReading || state.closing.signal.aborted) return;
  follower.isReading = true;
  try {
    while (follower.newest.number < follower.known && (await readPage(state, follower)));
  } catch (error) {
    const { partition } = follower;
    state.source.logger.debug({ err: error, partition }, 'the log could not be read');
  } finally {
    follower.isReading = false;
  }
}

/** Takes the next page; whether there may be more. */
async function readPage(state: State, follower: Follower): Promise<boolean> {
  const { partition, newest, known } = follower;
  const page = await state.source.page(partition, newest.number);
  if (state.followers[partition] !== follower || state.closing.signal.aborted) return false;
  if (!page) {
    // Without a mark: the entry that is newest now was never seen.
    const now = state.followers.map((each) =>
      each === follower ? { ...NOTHING, number: known } : each.newest,
    );
    restart(state, now);
    return false;
  }
  for (const [i, entry] of page.entries.entries()) {
    if (entry.number !== follower.newest.number + 1) continue;
    const mark = entry.number === page.last.number ? page.last.mark : NOTHING.mark;
    take(state.ring, follower, { entry, mark, bytes: page.bytes[i] ?? 0 });
  }
  settle(state.ring, follower);
  return page.entries.length > 0;
}

function restart(state: State, newest: readonly Seen[]): void {
  const before = state.followers;
  state.followers = newest.map(newFollower);
  state.ring.restart(newest.map(({ number }) => number));
  for (const { waiting } of before) for (const { resolve } of waiting) resolve();
}

/** Looks at the heads, once a second: a message may have been missed. */
async function look(state: State): Promise<void> {
  const { signal } = state.closing;
  while (!signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    try {
      const { followers } = state;
      const heads = await state.source.look();
      if (state.followers !== followers) continue;
      for (const [partition, head] of heads.entries()) hear(state, partition, head);
    } catch (error) {
      state.source.logger.debug({ err: error }, 'the heads of the log could not be read');
    }
  }
}
