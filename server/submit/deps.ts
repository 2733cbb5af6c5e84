import type { Authorizer } from '../auth/authorizer.ts';
import type { Clock } from '../base/clock.ts';
import type { Classify } from '../model/scheduling-class.ts';
import type { Store } from '../store/store.ts';
import type { SubmitRules } from './rules.ts';

/** What submitting, cancelling, reprioritising and keeping queues need. */
export interface SubmitDeps {
  store: Store;
  clock: Clock;
  /** Fresh random bytes, so many as asked for. */
  random: (bytes: number) => Uint8Array;
  authorizer: Authorizer;
  rules: SubmitRules;
  classify: Classify;
}

/** How often a change is derived anew when others keep changing what it is derived from. */
export const MAX_ATTEMPTS = 8;
