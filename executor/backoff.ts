/** How long to wait before trying again: doubling, with jitter so that many callers do not return at once. */
export interface Backoff {
  /** The next pause in milliseconds. */
  next(): number;
  /** It worked: the next pause is short again. */
  reset(): void;
}

/**
 * @param random a number from 0 to below 1
 */
export function createBackoff(firstMs: number, lastMs: number, random: () => number = Math.random): Backoff {
  let pauseMs = firstMs;
  return {
    next() {
      const nowMs = pauseMs;
      pauseMs = Math.min(lastMs, pauseMs * 2);
      return nowMs * (0.5 + random() / 2);
    },
    reset() {
      pauseMs = firstMs;
    },
  };
}
