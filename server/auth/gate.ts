import { ArmadaError } from '../base/errors.ts';

/**
 * Runs some work at a time, lets some wait, and refuses the rest.
 * @param groups what the work is for and whom, such as a user and a network
 */
export type Gate = <T>(groups: readonly string[], work: () => Promise<T>) => Promise<T>;

/** What waits and has a group in common. */
interface Group {
  waiting: number;
  /** Number of the turn in which it came or was served last. */
  turn: number;
}

interface Waiter {
  groups: readonly string[];
  go(): void;
  refuse(error: ArmadaError): void;
}

/**
 * Bounds expensive work, such as checking passwords, so that callers who are
 * not yet known cannot take the machine from those who are. Groups take turns,
 * and those of which most waits make room for others: so one network that asks
 * without end keeps no other out, nor do many that ask about one user.
 * @param atOnce how many run
 * @param maxWaiting how many wait; beyond that OVERLOADED is thrown. All are looked at for each
 */
export function createGate(atOnce: number, maxWaiting: number): Gate {
  let running = 0;
  let turn = 0;
  /** In the order in which they came. */
  const waiting: Waiter[] = [];
  const groups = new Map<string, Group>();

  const most = (names: readonly string[], of: keyof Group): number =>
    Math.max(...names.map((name) => groups.get(name)?.[of] ?? 0));

  function enqueue(waiter: Waiter): void {
    if (waiting.length >= maxWaiting) makeRoom(most(waiter.groups, 'waiting'));
    for (const name of waiter.groups) {
      const group = groups.get(name);
      if (group) group.waiting++;
      else groups.set(name, { waiting: 1, turn: ++turn });
    }
    waiting.push(waiter);
  }

  /** Sends away the last of those of whom there are most. Throws OVERLOADED where that is whoever comes. */
  function makeRoom(ofNewcomer: number): void {
    const at = indexOfLeast(waiting, (waiter) => -most(waiter.groups, 'waiting'), 'last');
    const longest = waiting[at];
    if (longest === undefined || most(longest.groups, 'waiting') <= ofNewcomer + 1) throw tooMany();
    leave(at)?.refuse(tooMany());
  }

  function leave(at: number): Waiter | undefined {
    const [waiter] = waiting.splice(at, 1);
    for (const name of waiter?.groups ?? []) {
      const group = groups.get(name);
      if (group && --group.waiting === 0) groups.delete(name);
    }
    return waiter;
  }

  function next(): Waiter | undefined {
    const waiter = leave(indexOfLeast(waiting, (each) => most(each.groups, 'turn'), 'first'));
    turn++;
    for (const name of waiter?.groups ?? []) {
      const group = groups.get(name);
      if (group) group.turn = turn;
    }
    return waiter;
  }

  return async (names, work) => {
    if (running < atOnce) running++;
    else {
      // Whoever finishes hands its place over, so nobody can slip in between.
      await new Promise<void>((go, refuse) => enqueue({ groups: names, go, refuse }));
    }
    try {
      return await work();
    } finally {
      const waiter = next();
      if (waiter === undefined) running--;
      else waiter.go();
    }
  };
}

/** Where the first or last of the least is; beyond the end when there are none. */
function indexOfLeast<T>(all: readonly T[], by: (each: T) => number, which: 'first' | 'last'): number {
  let found = all.length;
  let least = Number.POSITIVE_INFINITY;
  all.forEach((each, at) => {
    const value = by(each);
    if (value > least || (value === least && which === 'first')) return;
    found = at;
    least = value;
  });
  return found;
}

function tooMany(): ArmadaError {
  return new ArmadaError('OVERLOADED', 'too many credentials are being checked; try again', {
    retryAfterMs: 1000,
  });
}
