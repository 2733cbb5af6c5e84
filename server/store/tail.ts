/**
 * Following the log. New entries go into a ring in memory, as the very objects
 * their appenders gave, before the append resolves; every follower is a place
 * in that one ring, so a slow one holds up nothing and costs nothing. Who is not
 * (or no longer) inside the ring reads the log until it is.
 */
import { setImmediate } from 'node:timers/promises';
import type { Positions, TailEntry, TailItem } from './store.ts';

/** The newest log entries that are held in memory, for followers. */
export interface TailLimits {
  tailEntries: number;
  /** Of batches without their specs, as they are encoded; in memory they take a few times as much. */
  tailBytes: number;
}

/**
 * What two transactions of SQLite write, or eight calls of Redis that are under way at once: who
 * keeps up finds it there. With half of it followers read the log again. With more, thousands of
 * records outlive the young generation to die in the old one: docs/performance.md.
 */
export const TAIL_LIMITS: TailLimits = { tailEntries: 16_384, tailBytes: 2 * 1024 * 1024 };

/** Entries that one item of the tail carries at most. */
export const MAX_ITEM_ENTRIES = 256;

/** The newest entries of all partitions, in the order in which they were committed. */
export interface Ring {
  push(entry: TailEntry, bytes: number): void;
  /** Whether nothing after these positions has left the ring. */
  reaches(positions: Positions): boolean;
  /** Place of the oldest entry that is held. */
  readonly start: number;
  /** Place of the next entry to come. */
  readonly end: number;
  at(place: number): TailEntry | undefined;
  /** Resolves when there are entries from this place on, when the signal aborts, or when the ring closes. */
  changed(place: number, signal: AbortSignal): Promise<void>;
  readonly closed: boolean;
  close(): void;
  /** Forgets everything: what follows these heads is another log. Every follower falls off. */
  restart(heads: Positions): void;
  /** How often it was restarted. */
  readonly restarts: number;
}

/** @param heads log heads when the store was opened */
export function createRing(heads: Positions, { tailEntries, tailBytes }: TailLimits): Ring {
  /** By place. What leaves must be let go of at once: an entry may hold a thousand records. */
  const held = new Map<number, { entry: TailEntry; bytes: number }>();
  let start = 0;
  let end = 0;
  let bytes = 0;
  let closed = false;
  let restarts = 0;
  let reached = [...heads];
  const waiters = new Set<() => void>();
  const wake = (): void => {
    for (const waiter of waiters) waiter();
  };

  return {
    push(entry, entryBytes) {
      held.set(end++, { entry, bytes: entryBytes });
      bytes += entryBytes;
      while (held.size > tailEntries || (bytes > tailBytes && held.size > 1)) {
        const oldest = held.get(start);
        if (!oldest) break;
        reached[oldest.entry.partition] = oldest.entry.number;
        bytes -= oldest.bytes;
        held.delete(start++);
      }
      wake();
    },
    reaches: (positions) => reached.every((number, partition) => (positions[partition] ?? 0) >= number),
    get start() {
      return start;
    },
    get end() {
      return end;
    },
    at: (place) => held.get(place)?.entry,
    changed(place, signal) {
      if (closed || signal.aborted || place < end) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          waiters.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        waiters.add(done);
        signal.addEventListener('abort', done);
      });
    },
    get closed() {
      return closed;
    },
    close() {
      closed = true;
      wake();
    },
    restart(newHeads) {
      start = end;
      held.clear();
      bytes = 0;
      reached = [...newHeads];
      restarts++;
      wake();
    },
    get restarts() {
      return restarts;
    },
  };
}

/** Everything a follower needs. */
export interface TailSource {
  ring: Ring;
  heads: () => Promise<Positions>;
  /** Entries of one or more partitions after these positions, at least one if there are any; undefined when some are kept no longer. */
  page: (positions: Positions) => Promise<TailEntry[] | undefined>;
}

/**
 * Follows the log after `from`; see Store.tail. Ends after `fell-off`, on abort,
 * and when the store closes.
 */
export async function* followLog(
  { ring, heads, page }: TailSource,
  from: Positions,
  signal: AbortSignal,
): AsyncGenerator<TailItem, void, undefined> {
  const { restarts } = ring;
  const positions = [...from];
  const hasEnded = (): boolean => signal.aborted || ring.closed;
  // Who is ahead of the log knows another one: this is an older copy of it.
  if ((await heads()).some((head, partition) => (from[partition] ?? 0) > head)) {
    yield { kind: 'fell-off' };
    return;
  }
  let place: number | undefined;
  while (!hasEnded()) {
    if (ring.restarts !== restarts) {
      yield { kind: 'fell-off' };
      return;
    }
    if (place === undefined || place < ring.start) {
      if (ring.reaches(positions)) {
        place = ring.start;
      } else {
        place = undefined;
        const entries = await page(positions);
        if (entries && ring.restarts !== restarts) continue;
        if (!entries) {
          if (!hasEnded()) yield { kind: 'fell-off' };
          return;
        }
        for (const { partition, number } of entries) positions[partition] = number;
        if (entries.length > 0) yield { kind: 'entries', entries };
        // A page may have been read synchronously: let others have the thread between them.
        await setImmediate();
        continue;
      }
    }
    const entries: TailEntry[] = [];
    for (; place < ring.end && entries.length < MAX_ITEM_ENTRIES; place++) {
      const entry = ring.at(place);
      if (!entry || entry.number <= (positions[entry.partition] ?? 0)) continue;
      positions[entry.partition] = entry.number;
      entries.push(entry);
    }
    if (entries.length > 0) yield { kind: 'entries', entries };
    else await ring.changed(place, signal);
  }
}
