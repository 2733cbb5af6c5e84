import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import type { Retention, Store } from './store/store.ts';

/** Between looks for something too old, and between steps while there is more. */
const IDLE_MS = 2000;
const STEP_MS = 50;

export interface RetentionDeps {
  store: Store;
  clock: Clock;
  logger: Logger;
  /** Of several servers only the leader removes. */
  scheduler: { role(): string };
}

/** Removes what is older than allowed, step by step, until the signal aborts. */
export async function keepRetention(
  { store, clock, logger, scheduler }: RetentionDeps,
  retention: Retention,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let more = false;
    try {
      more = scheduler.role() === 'leading' && (await store.trim(clock.now(), retention));
    } catch (error) {
      logger.warn({ err: error }, 'old data could not be removed; trying again');
    }
    await sleep(more ? STEP_MS : IDLE_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
