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
  look(): Promise<Positions>;
  /** A page of a partition's log; undefined when what follows is kept no longer. */
  page(partition: number, after: number): Promise<LogPage | undefined>;
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
  newest: Seen;
  /** Highest number that is known to be in the log. */
  known: number;
  /** Own entries before which others are missing. */
  early: Map<number, { entry: LogEntry; mark: Buffer; bytes: number }>;
  waiting: { number: number; resolve: () => void }[];
  reading: boolean;
}

/** About what an entry that was read takes, for the ring's bound. */
const BYTES_OF_JOB = 200;

export function createFeed(
  ring: Ring,
  heads: readonly Seen[],
  { look: readHeads, page, logger }: FeedSource,
): Feed {
  const newFollower = (newest: Seen): Follower => ({
    newest,
    known: newest.number,
    early: new Map(),
    waiting: [],
    reading: false,
  });
  let followers = heads.map(newFollower);
  const closing = new AbortController();

  function take(follower: Follower, entry: LogEntry, mark: Buffer, bytes: number): void {
    ring.push(entry, bytes);
    follower.newest = { number: entry.number, mark };
    follower.known = Math.max(follower.known, entry.number);
  }

  function settle(follower: Follower): void {
    for (;;) {
      const next = follower.early.get(follower.newest.number + 1);
      if (!next) break;
      follower.early.delete(next.entry.number);
      take(follower, next.entry, next.mark, next.bytes);
    }
    const { number } = follower.newest;
    for (const each of follower.early.keys()) if (each <= number) follower.early.delete(each);
    follower.waiting = follower.waiting.filter((waiter) => {
      if (waiter.number > number) return true;
      waiter.resolve();
      return false;
    });
  }

  /** Reads until everything that is known to be there is in the ring. */
  async function read(partition: number, follower: Follower): Promise<void> {
    if (follower.reading || closing.signal.aborted) return;
    follower.reading = true;
    try {
      while (follower.newest.number < follower.known && followers[partition] === follower) {
        const from = follower.newest.number;
        const found = await page(partition, from);
        if (followers[partition] !== follower || closing.signal.aborted) return;
        if (!found) {
          restart(
            followers.map(({ newest, known }, i) =>
              i === partition ? { ...newest, number: known } : newest,
            ),
          );
          return;
        }
        for (const [i, entry] of found.entries.entries()) {
          if (entry.number !== follower.newest.number + 1) continue;
          const isLast = i === found.entries.length - 1;
          take(
            follower,
            entry,
            isLast ? found.last.mark : Buffer.alloc(0),
            BYTES_OF_JOB * (1 + entry.jobs.length),
          );
        }
        settle(follower);
        if (found.entries.length === 0) break;
      }
    } catch (error) {
      // The next look tries again.
      logger.debug({ err: error, partition }, 'the log could not be read');
    } finally {
      follower.reading = false;
    }
  }

  function restart(newest: readonly Seen[]): void {
    const before = followers;
    followers = newest.map(newFollower);
    ring.restart(newest.map(({ number }) => number));
    for (const { waiting } of before) for (const { resolve } of waiting) resolve();
  }

  function heard(partition: number, number: number): void {
    const follower = followers[partition];
    if (!follower || number <= follower.known) return;
    follower.known = number;
    void read(partition, follower);
  }

  async function look(): Promise<void> {
    while (!closing.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      if (closing.signal.aborted) return;
      try {
        for (const [partition, head] of (await readHeads()).entries()) {
          const follower = followers[partition];
          if (!follower) continue;
          heard(partition, head);
          if (follower.newest.number < follower.known) void read(partition, follower);
        }
      } catch (error) {
        logger.debug({ err: error }, 'the heads of the log could not be read');
      }
    }
  }

  void look();
  return {
    wrote(entry, mark, bytes) {
      const follower = followers[entry.partition];
      if (!follower || entry.number <= follower.newest.number) return Promise.resolve();
      follower.early.set(entry.number, { entry, mark, bytes });
      follower.known = Math.max(follower.known, entry.number);
      settle(follower);
      if (entry.number <= follower.newest.number) return Promise.resolve();
      void read(entry.partition, follower);
      return new Promise((resolve) => follower.waiting.push({ number: entry.number, resolve }));
    },
    heard,
    seen: (partition) => followers[partition]?.newest ?? { number: 0, mark: Buffer.alloc(0) },
    restart,
    close() {
      closing.abort();
      for (const { waiting } of followers) for (const { resolve } of waiting) resolve();
    },
  };
}
