/**
 * What is recorded of those whom nobody knows: the first calls from a network,
 * and of the others how many there were. So whoever sends rubbish without end
 * neither fills the disk nor hides among it what matters.
 */
import { networkOf } from '../auth/network.ts';
import type { Clock } from '../base/clock.ts';

const WINDOW_MS = 60_000;
const CALLS_IN_WINDOW = 100;

/** Networks apart; those beyond are one. */
const MAX_NETWORKS = 1_000;
const OTHERS = 'others';

/** Disposing it tells what is still to be told. */
export interface RefusedStrangers extends Disposable {
  /** Whether a refused call is to be recorded by itself. */
  isTold(peer: string): boolean;
}

interface Window {
  endMs: number;
  calls: number;
}

/** @param tell takes how many calls were not recorded from a network, once its window is over */
export function createRefusedStrangers(
  clock: Clock,
  tell: (network: string, calls: number) => void,
): RefusedStrangers {
  const windows = new Map<string, Window>();

  const close = (network: string, { calls }: Window): void => {
    windows.delete(network);
    if (calls > CALLS_IN_WINDOW) tell(network, calls - CALLS_IN_WINDOW);
  };

  const open = (network: string): Window => {
    const made: Window = { endMs: clock.elapsed() + WINDOW_MS, calls: 0 };
    windows.set(network, made);
    // Of those that come no more too.
    setTimeout(() => windows.get(network) === made && close(network, made), WINDOW_MS).unref();
    return made;
  };

  return {
    isTold(peer) {
      const named = networkOf(peer);
      const network = windows.has(named) || windows.size < MAX_NETWORKS ? named : OTHERS;
      const known = windows.get(network);
      if (known && clock.elapsed() >= known.endMs) close(network, known);
      const window = windows.get(network) ?? open(network);
      return ++window.calls <= CALLS_IN_WINDOW;
    },
    [Symbol.dispose]() {
      for (const [network, window] of windows) close(network, window);
    },
  };
}
