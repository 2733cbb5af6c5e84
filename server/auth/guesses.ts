/**
 * Wrong passwords, counted, so that guessing is slow. Whoever guesses must not
 * lock out whom they pretend to be, nor those who come from the same network.
 * So credentials that were right are not counted here at all (see basic.ts), and
 * for those that are new it takes three counts:
 *
 * - a name from a network: few, as one person or program mistypes;
 * - a network, whatever the names: more, as many people may share it, and fast
 *   enough that a few programs with old passwords leave room for others;
 * - a name from anywhere: when many networks guess at one user, each is let try
 *   once in a while. So the user gets in from a new place with the first try.
 */
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { networkOf } from './network.ts';

/** So many at once, and one more each so often. */
interface Allowance {
  failures: number;
  oneMoreMs: number;
}

const NAME_FROM_NETWORK: Allowance = { failures: 20, oneMoreMs: 5_000 };
const NETWORK: Allowance = { failures: 200, oneMoreMs: 1_000 };
const NAME: Allowance = { failures: 100, oneMoreMs: 5_000 };

/** From each network, while too many have guessed at a name. */
const ONCE_IN_A_WHILE_MS = 10 * 60_000;

/** Of each kind. Passwords are checked so slowly that there are more only when checks are very cheap. */
const MAX_KEPT = 20_000;

export interface Guesses {
  /** Throws OVERLOADED when this user, or this network, has been wrong too often. */
  demand(name: string, peer: string): void;
  wrong(name: string, peer: string): void;
}

export function createGuesses(clock: Clock): Guesses {
  const networks = createDebts(clock);
  const names = createDebts(clock);
  const pairs = createDebts(clock);
  const isGuessedAt = (name: string): boolean => waitMs(names.of(name), NAME) > 0;
  return {
    demand(name, peer) {
      const network = networkOf(peer);
      const pairDebtMs = pairs.of(pairOf(name, network));
      const retryAfterMs = Math.max(
        waitMs(networks.of(network), NETWORK),
        isGuessedAt(name) ? pairDebtMs : waitMs(pairDebtMs, NAME_FROM_NETWORK),
      );
      if (retryAfterMs <= 0) return;
      throw new ArmadaError('OVERLOADED', 'there were too many wrong credentials; try again later', {
        retryAfterMs: Math.ceil(retryAfterMs),
      });
    },
    wrong(name, peer) {
      const network = networkOf(peer);
      const pairMs = isGuessedAt(name) ? ONCE_IN_A_WHILE_MS : NAME_FROM_NETWORK.oneMoreMs;
      pairs.add(pairOf(name, network), pairMs);
      networks.add(network, NETWORK.oneMoreMs);
      // Beyond this it says nothing more, and would never be over.
      if (!isGuessedAt(name)) names.add(name, NAME.oneMoreMs);
    },
  };
}

function pairOf(name: string, network: string): string {
  return `${network} ${name}`;
}

/** How long until one more is allowed; at most zero when it is now. */
function waitMs(debtMs: number, { failures, oneMoreMs }: Allowance): number {
  return debtMs - (failures - 1) * oneMoreMs;
}

/** Times that shrink by themselves, of keys that are forgotten with them. */
function createDebts(clock: Clock) {
  /** When nothing is left of each, on the monotonic clock. */
  const overAtMs = new Map<string, number>();

  /** What is over goes, and if that is not enough those who are next. */
  const makeRoom = (): void => {
    const nowMs = clock.elapsed();
    const byEnd = [...overAtMs].sort(([, one], [, other]) => one - other);
    byEnd.forEach(([key, overMs], at) => {
      if (at < byEnd.length / 2 || overMs <= nowMs) overAtMs.delete(key);
    });
  };

  return {
    of: (key: string): number => Math.max((overAtMs.get(key) ?? 0) - clock.elapsed(), 0),
    add(key: string, ms: number): void {
      overAtMs.set(key, Math.max(overAtMs.get(key) ?? 0, clock.elapsed()) + ms);
      if (overAtMs.size > MAX_KEPT) makeRoom();
    },
  };
}
