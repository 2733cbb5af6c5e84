/**
 * A life of the scheduler: everything is loaded, the log is followed, and it may
 * lead once. When what was loaded no longer holds, or another server leads, the
 * life is over and the next begins with nothing known.
 */
import type { JobRecord, Positions } from '../store/store.ts';

export interface Life {
  readonly number: number;
  /** Aborts when this life is over. */
  readonly over: AbortSignal;
  end(): void;
  /** The thread has taken in what was loaded. */
  readonly loaded: PromiseWithResolvers<void>;
  /** Batches that the thread decided in this life, by the record that they change first: of their log entries it need not be told what they say. */
  readonly decided: WeakMap<JobRecord, number>;
  /** By partition, the last entry that was sent to the thread. */
  readonly fed: number[];
  /** Entries were sent. */
  feed(partition: number, number: number): void;
  /** Resolves when the thread was sent everything up to these heads, or the life is over. */
  fedUpTo(heads: Positions): Promise<void>;
}

/** @param stopping ends every life */
export function beginLife(number: number, stopping: AbortSignal): Life {
  const ending = new AbortController();
  const over = AbortSignal.any([stopping, ending.signal]);
  const loaded = Promise.withResolvers<void>();
  const fed: number[] = [];
  let waiting: { heads: Positions; resolve: () => void } | undefined;
  const isFed = (heads: Positions): boolean => heads.every((head, i) => (fed[i] ?? 0) >= head);
  const settle = (): void => {
    if (!waiting || (!over.aborted && !isFed(waiting.heads))) return;
    waiting.resolve();
    waiting = undefined;
  };
  over.addEventListener('abort', () => {
    loaded.resolve();
    settle();
  });
  return {
    number,
    over,
    end: () => ending.abort(),
    loaded,
    decided: new WeakMap(),
    fed,
    feed(partition, last) {
      fed[partition] = last;
      settle();
    },
    fedUpTo: (heads) =>
      new Promise((resolve) => {
        waiting = { heads, resolve };
        settle();
      }),
  };
}
