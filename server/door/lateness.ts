import type { Clock } from '../base/clock.ts';

/** How far the main thread is behind with what it is to do. */
export interface Lateness {
  /** How late the thread came, or now is, to something that was due, in milliseconds. */
  lateMs(): number;
  stop(): void;
}

const BEAT_MS = 50;

/**
 * Watches the thread by a timer that it should come to every 50 ms. Asked while
 * the timer is overdue it counts from when that was due, so that a long turn is
 * noticed by what is still done in it.
 */
export function watchLateness(clock: Clock): Lateness {
  let dueMs = clock.elapsed() + BEAT_MS;
  let lastMs = 0;
  const timer = setInterval(() => {
    const nowMs = clock.elapsed();
    lastMs = nowMs - dueMs;
    dueMs = nowMs + BEAT_MS;
  }, BEAT_MS);
  // It must not keep a process alive that has nothing else to do.
  timer.unref();
  return {
    lateMs: () => Math.max(lastMs, clock.elapsed() - dueMs),
    stop: () => clearInterval(timer),
  };
}
