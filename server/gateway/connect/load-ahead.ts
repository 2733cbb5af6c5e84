/** Loads what the first calls would have to wait for, and everybody with them, while the thread has nothing else to do. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

export interface AheadOptions {
  /** Aborts when nobody needs it any more. */
  signal: AbortSignal;
  /** How long the thread must have been idle before each part. */
  idleMs?: number;
}

/** Longer than a start leaves things to be done, shorter than people take for their first call. */
const IDLE_MS = 1000;

/** Above this share of its time the thread has something to do. */
const BUSY_SHARE = 0.2;

/** Loads the parts one at a time. What cannot be loaded is left to the call that needs it, which can say why. */
export async function loadAhead(
  parts: readonly (() => Promise<unknown>)[],
  { signal, idleMs = IDLE_MS }: AheadOptions,
): Promise<void> {
  for (const load of parts) {
    await untilIdle(idleMs, signal);
    if (signal.aborted) return;
    await load().catch(() => {});
  }
}

async function untilIdle(idleMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const before = performance.eventLoopUtilization();
    await sleep(idleMs, undefined, { signal, ref: false }).catch(() => {});
    if (performance.eventLoopUtilization(before).utilization < BUSY_SHARE) return;
  }
}
