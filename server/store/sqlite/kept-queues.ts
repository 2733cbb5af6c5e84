import type { StoredQueue } from '../store.ts';

/** More than most have; each is a few hundred bytes. */
const MAX_KEPT = 1024;

/** Queues as they were last read. */
export interface KeptQueues {
  /** The queue as it is stored. Shared by all who ask: not to be changed. */
  get: (name: string) => StoredQueue | undefined;
  /** Called when the queue may have changed, before anybody is told that it has. */
  forget: (name: string) => void;
}

/**
 * Remembers queues, because every call about jobs looks at its queue's record
 * first, and hardly any changes it. Only this process writes to the store, so
 * nothing changes without its knowledge. Whether a batch may go to a queue is
 * looked at again where it is written.
 */
export function keepQueues(read: (name: string) => StoredQueue | undefined): KeptQueues {
  const kept = new Map<string, StoredQueue>();
  return {
    get(name) {
      let queue = kept.get(name);
      if (queue === undefined) {
        queue = read(name);
        // Names that mean nothing are not kept: anybody can ask for any number of them.
        if (queue === undefined) return undefined;
        if (kept.size >= MAX_KEPT) kept.clear();
        kept.set(name, queue);
      }
      return queue;
    },
    forget: (name) => void kept.delete(name),
  };
}
