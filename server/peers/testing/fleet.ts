/** Servers that are told who else there is, and who leads, without a store. */
import type { Member, Members } from '../members.ts';
import type { Leadership } from '../taking.ts';

export interface Fleet {
  /** What a server knows of the others; they know of it once it has said where it listens. */
  join(id: string): Joined;
  /** It is gone, or so the others take it. */
  leave(id: string): void;
  /** @param isReady whether its scheduler decides already */
  lead(id: string | undefined, isReady?: boolean): void;
}

export interface Joined extends Members {
  leadership: Leadership;
  listen(address: string): void;
}

export function createFleet(): Fleet {
  const alive = new Map<string, Member>();
  const listeners = new Set<() => void>();
  let leaderId: string | undefined;
  let hasBegun = false;
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    join(id) {
      const subscribe = (listener: () => void): (() => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      };
      const self: Member = { id, name: id, address: '', version: '0', startedAtMs: 0 };
      return {
        self,
        listen(address) {
          alive.set(id, { ...self, address });
          tell();
        },
        others: () => [...alive.values()].filter((member) => member.id !== id),
        leader: () => (leaderId === undefined ? undefined : alive.get(leaderId)),
        subscribe,
        leadership: { leads: () => leaderId === id && hasBegun, subscribe },
      };
    },
    leave(id) {
      alive.delete(id);
      tell();
    },
    lead(id, isReady = true) {
      leaderId = id;
      hasBegun = isReady;
      tell();
    },
  };
}
