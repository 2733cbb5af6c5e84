/**
 * Wrong passwords, counted, so that guessing is slow. Whoever guesses must not
 * lock out whom they pretend to be, nor those who come from the same address: a
 * user who has been right from an address is counted for the two together, and
 * what strangers do does not matter to them.
 */
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';

/** So many at once, and one more each so often. */
const FAILURES = 20;
const ONE_MORE_MS = 5_000;

/** Of each kind; whoever has been quiet for the longest is forgotten first. */
const MAX_KEPT = 10_000;

export interface Guesses {
  /** Throws OVERLOADED when this user, or this address, has been wrong too often. */
  demand(name: string, peer: string): void;
  wrong(name: string, peer: string): void;
  right(name: string, peer: string): void;
}

export function createGuesses(clock: Clock): Guesses {
  /** When all failures of a key are forgotten, on the monotonic clock. */
  const forgottenAtMs = new Map<string, number>();
  const known = new Map<string, true>();

  const keysOf = (name: string, peer: string): string[] => {
    const address = addressOf(peer);
    const both = JSON.stringify([name, address]);
    return known.has(both) ? [both] : [`user ${name}`, `address ${address}`];
  };

  return {
    demand(name, peer) {
      for (const key of keysOf(name, peer)) {
        const debtMs = (forgottenAtMs.get(key) ?? 0) - clock.elapsed();
        if (debtMs <= (FAILURES - 1) * ONE_MORE_MS) continue;
        const retryAfterMs = Math.ceil(debtMs - (FAILURES - 1) * ONE_MORE_MS);
        throw new ArmadaError('OVERLOADED', 'there were too many wrong passwords; try again later', {
          retryAfterMs,
        });
      }
    },
    wrong(name, peer) {
      const now = clock.elapsed();
      for (const key of keysOf(name, peer)) {
        keep(forgottenAtMs, key, Math.max(forgottenAtMs.get(key) ?? 0, now) + ONE_MORE_MS);
      }
    },
    right(name, peer) {
      keep(known, JSON.stringify([name, addressOf(peer)]), true);
    },
  };
}

/** Keeps a value as the newest of its map, and lets go of the oldest when there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > MAX_KEPT && !oldest.done) map.delete(oldest.value);
}

/** Without the port, which is another for each connection. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
