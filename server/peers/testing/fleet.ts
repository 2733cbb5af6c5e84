/** Servers that are told who else there is, and who leads, without a store. */
import type { Member, Members } from '../members.ts';

export interface Fleet {
  /** What a server knows of the others; they know of it once it has said where it listens. */
  join(id: string): Members & { listen(address: string): void };
  /** It is gone, or so the others take it. */
  leave(id: string): void;
  lead(id: string | undefined): void;
}

export function createFleet(): Fleet {
  const alive = new Map<string, Member>();
  const listeners = new Set<() => void>();
  let leaderId: string | undefined;
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    join(id) {
      const self: Member = { id, name: id, address: '', version: '0', startedAtMs: 0 };
      return {
        self,
        listen(address) {
          alive.set(id, { ...self, address });
          tell();
        },
        others: () => [...alive.values()].filter((member) => member.id !== id),
        leader: () => (leaderId === undefined ? undefined : alive.get(leaderId)),
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
    },
    leave(id) {
      alive.delete(id);
      tell();
    },
    lead(id) {
      leaderId = id;
      tell();
    },
  };
}
