import { ArmadaError } from '../../base/errors.ts';

/** How soon a refused append may find room. */
const RETRY_AFTER_MS = 500;

/** What Redis has not answered yet: bounded, and waited for at the end. */
export interface Pending {
  /**
   * Does the work. Throws OVERLOADED when too much waits already, UNAVAILABLE
   * after close. Urgent work may use as much again as the rest: refusing it
   * would keep what waits waiting.
   */
  add<Value>(bytes: number, isUrgent: boolean, work: () => Promise<Value>): Promise<Value>;
  /** Refuses everything from now on. */
  close(): void;
  /** Resolves when everything has been answered. */
  drained(): Promise<void>;
}

export function createPending(maxBytes: number): Pending {
  let pendingBytes = 0;
  let isClosed = false;
  const working = new Set<Promise<unknown>>();
  return {
    async add(bytes, isUrgent, work) {
      if (isClosed) throw new ArmadaError('UNAVAILABLE', 'the store is closed');
      if (pendingBytes + bytes > maxBytes * (isUrgent ? 2 : 1) && pendingBytes > 0) {
        throw new ArmadaError('OVERLOADED', 'Redis has more to write than may wait', {
          retryAfterMs: RETRY_AFTER_MS,
        });
      }
      pendingBytes += bytes;
      const done = work();
      working.add(done);
      try {
        return await done;
      } finally {
        working.delete(done);
        pendingBytes -= bytes;
      }
    },
    close() {
      isClosed = true;
    },
    async drained() {
      await Promise.allSettled(working);
    },
  };
}
