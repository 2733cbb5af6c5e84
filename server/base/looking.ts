/**
 * Files that may be replaced while the server runs are looked at every few
 * seconds: watches do not see through the links by which they are often replaced.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Looking {
  /** Rejects with a text for people when what there is cannot be used. */
  look: () => Promise<void>;
  /** Told of that once, until it is something else. */
  onFault: (fault: string) => void;
  /** LOOK_MS when left out. */
  everyMs?: number | undefined;
}

/** How often, in milliseconds. */
export const LOOK_MS = 2_000;

/** Looks until it is disposed of, which waits for the look under way. */
export function keepLooking({ look, onFault, everyMs = LOOK_MS }: Looking): AsyncDisposable {
  const closing = new AbortController();
  let told = '';
  const lookOnce = async (): Promise<void> => {
    try {
      await look();
      told = '';
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      // While files are being replaced they may not be whole, or not go together, for a moment.
      if (fault !== told) onFault(fault);
      told = fault;
    }
  };
  const looking = (async () => {
    for (;;) {
      await sleep(everyMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      if (closing.signal.aborted) return;
      await lookOnce();
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      await looking;
    },
  };
}
