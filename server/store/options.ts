import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** What opening a store needs, whichever engine it is. */
export interface OpenOptions<Limits> {
  clock: Clock;
  logger: Logger;
  /** For a new store, 16 when left out; an existing one must have as many. */
  partitions?: number;
  limits?: Partial<Limits>;
}
