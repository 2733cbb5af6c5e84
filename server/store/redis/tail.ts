/** Following the log from where a reader is: out of the ring, and before that out of Redis, which may be away for a while. */
import type { LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '../../base/errors.ts';
import type { Positions, TailItem } from '../store.ts';
import { followLog, type Ring } from '../tail.ts';
import type { Feed } from './feed.ts';
import type { LogPage } from './log.ts';

/** What following needs. */
export interface Following {
  ring: Ring;
  feed: Feed;
  heads: () => Promise<Positions>;
  page: (partition: number, after: number) => Promise<LogPage | undefined>;
}

/** Follows the log; see Store.tail. */
export function tail(
  { ring, feed, heads, page }: Following,
  from: Positions,
  signal: AbortSignal,
): AsyncIterable<TailItem> {
  const isOver = (): boolean => signal.aborted || ring.closed;
  const source = {
    ring,
    heads: async () => (await untilAnswered(heads, isOver)) ?? [],
    page: (positions: Positions) => untilAnswered(() => pageOf(feed, page, positions), isOver),
  };
  return followLog(source, from, signal);
}

/** A page of the first partition in which a follower is behind the feed. */
async function pageOf(
  feed: Feed,
  page: Following['page'],
  positions: Positions,
): Promise<LogEntry[] | undefined> {
  for (const [partition, position] of positions.entries()) {
    if (position >= feed.seen(partition).number) continue;
    const found = await page(partition, position);
    if (!found || found.entries.length > 0) return found?.entries;
  }
  return [];
}

/** Between two tries of a reader that has nothing else to do than to wait for Redis. */
const RETRY_MS = 200;

/** Reads until Redis answers; undefined when the reader is over before. */
async function untilAnswered<Value>(
  read: () => Promise<Value>,
  isOver: () => boolean,
): Promise<Value | undefined> {
  while (!isOver()) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ArmadaError) || error.code !== 'UNAVAILABLE') throw error;
    }
    await sleep(RETRY_MS, undefined, { ref: false });
  }
  return undefined;
}
