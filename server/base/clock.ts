import { performance } from 'node:perf_hooks';

/**
 * The one place that reads time. Handed to whatever needs it, so that tests can
 * step it; pure code receives `now` as a number instead.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch: for records, never for deciding how long something took. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start: for time-outs and silence. */
  elapsed(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
};
