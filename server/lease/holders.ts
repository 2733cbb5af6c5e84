import { ArmadaError } from '../base/errors.ts';

/**
 * Who holds each executor id. Two processes that both took themselves for one
 * executor would each start what the other was told to start, so the second is
 * refused while the first has a stream open. Of two streams of one process the
 * newer counts: the older broke without a word, and what is sent on it is lost.
 *
 * Go executors name no session; they open one short stream after another, and
 * for them neither applies.
 */
export interface Holders {
  /**
   * Returns the way to let go. Throws EXECUTOR_TAKEN.
   * @param replaced called when a newer stream of the same process holds the id
   */
  hold(executorId: string, session: string, replaced: () => void): () => void;
}

export function createHolders(): Holders {
  const open = new Map<string, { session: string; replaced: () => void }>();
  return {
    hold(executorId, session, replaced) {
      if (session === '') return () => {};
      const before = open.get(executorId);
      if (before && before.session !== session) {
        const message = `executor id "${executorId}" is held by another running executor; stop it or choose another id`;
        throw new ArmadaError('EXECUTOR_TAKEN', message);
      }
      const holder = { session, replaced };
      open.set(executorId, holder);
      before?.replaced();
      return () => {
        if (open.get(executorId) === holder) open.delete(executorId);
      };
    },
  };
}
