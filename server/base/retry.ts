import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from './errors.ts';

const RETRY_MS = 50;
const MAX_RETRY_MS = 2000;

/** Whether the same may go well a little later: the store is away, or has too much to do. */
export function isPassing(error: unknown): boolean {
  return error instanceof ArmadaError && (error.code === 'UNAVAILABLE' || error.code === 'OVERLOADED');
}

/** Does something, again and again while it fails only for now. Once the signal aborts, the next failure is thrown. */
export async function untilAvailable<Value>(act: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error;
    }
    await sleep(Math.min(RETRY_MS * 2 ** tries, MAX_RETRY_MS), undefined, { signal }).catch(() => {});
  }
}
