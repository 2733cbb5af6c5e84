import { ArmadaError } from '../base/errors.ts';

/** Runs some work at a time, lets some wait, and refuses the rest. */
export type Gate = <T>(network: string, work: () => Promise<T>) => Promise<T>;

interface Waiter {
  go(): void;
  refuse(error: ArmadaError): void;
}

/**
 * Bounds expensive work, such as checking passwords, so that callers who are
 * not yet known cannot take the machine from those who are. Networks take turns,
 * and whoever is full makes room for those that have less waiting: one that asks
 * without end keeps nobody else out.
 * @param atOnce how many run
 * @param maxWaiting how many wait; beyond that OVERLOADED is thrown
 */
export function createGate(atOnce: number, maxWaiting: number): Gate {
  let running = 0;
  let waiting = 0;
  /** In the order of their turns. */
  const networks = new Map<string, Waiter[]>();

  function enqueue(network: string, waiter: Waiter): void {
    const own = networks.get(network) ?? [];
    if (waiting >= maxWaiting && !displace(own.length)) throw tooMany();
    own.push(waiter);
    networks.set(network, own);
    waiting++;
  }

  /** Sends away the last of the network that has most waiting, if that is fair to it. */
  function displace(fewer: number): boolean {
    let longest: [string, Waiter[]] | undefined;
    for (const each of networks) if (each[1].length > (longest?.[1].length ?? 0)) longest = each;
    if (longest === undefined || longest[1].length <= fewer + 1) return false;
    longest[1].pop()?.refuse(tooMany());
    waiting--;
    return true;
  }

  function next(): Waiter | undefined {
    const [turn] = networks;
    if (turn === undefined) return undefined;
    const [network, own] = turn;
    const waiter = own.shift();
    networks.delete(network);
    if (own.length > 0) networks.set(network, own);
    waiting--;
    return waiter;
  }

  return async (network, work) => {
    if (running < atOnce) running++;
    else {
      // Whoever finishes hands its place over, so nobody can slip in between.
      await new Promise<void>((resolve, reject) => enqueue(network, { go: resolve, refuse: reject }));
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

function tooMany(): ArmadaError {
  return new ArmadaError('OVERLOADED', 'too many credentials are being checked; try again', {
    retryAfterMs: 1000,
  });
}
