import { performance } from 'node:perf_hooks';

/** Where the executor's parts take the time from, so that a test can hand in its own. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch: for what is recorded and reported. */
  now(): number;
  /** Milliseconds from an arbitrary start that never jump: for how long something took. */
  elapsed(): number;
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };
