import { ArmadaError } from '../base/errors.ts';

/** Runs some work at a time, lets some wait, and refuses the rest. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Bounds expensive work, such as checking passwords, so that callers who are
 * not yet known cannot take the machine from those who are.
 * @param atOnce how many run
 * @param maxWaiting how many wait; beyond that OVERLOADED is thrown
 */
export function createGate(atOnce: number, maxWaiting: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) {
        throw new ArmadaError('OVERLOADED', 'too many credentials are being checked; try again', {
          retryAfterMs: 1000,
        });
      }
      // Whoever finishes hands its place over, so nobody can slip in between.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
