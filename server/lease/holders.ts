import { ArmadaError } from '../base/errors.ts';

/**
 * Who holds each executor id. Two processes that both took themselves for one
 * executor would each start what the other was told to start, so the second is
 * refused while the first has a stream open. Go executors name no session; they
 * open one short stream after another, and for them the check does not apply.
 */
export interface Holders {
  /** Returns the way to let go. Throws EXECUTOR_TAKEN. */
  hold(executorId: string, session: string): () => void;
}

export function createHolders(): Holders {
  const open = new Map<string, { session: string; streams: number }>();
  return {
    hold(executorId, session) {
      if (session === '') return () => {};
      const holder = open.get(executorId) ?? { session, streams: 0 };
      if (holder.session !== session) {
        const message = `executor id "${executorId}" is held by another running executor; stop it or choose another id`;
        throw new ArmadaError('EXECUTOR_TAKEN', message);
      }
      holder.streams++;
      open.set(executorId, holder);
      return () => {
        if (--holder.streams === 0) open.delete(executorId);
      };
    },
  };
}
