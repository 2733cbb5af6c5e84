/**
 * The servers of a store that only this process can have open, so nobody else
 * need find here what they say: all of it is gone with the process, as they are.
 * The secret lasts, as what was derived from it is in the hands of people.
 */
import type { Attendance, Servers } from '../servers.ts';

/** @param lastTerm the last term that was taken */
export function createServers(
  secret: Uint8Array,
  lastTerm: () => Promise<number>,
): {
  servers: Servers;
  /** This server has taken the lead. */
  hasTaken: (serverId: string) => void;
} {
  const present = new Map<string, Attendance>();
  const listeners = new Set<() => void>();
  let leaderId: string | undefined;
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  const servers: Servers = {
    secret,
    async meet(server) {
      const before = present.get(server.id);
      present.set(server.id, { server, beat: (before?.beat ?? 0) + 1 });
      if (!before) tell();
      const term = await lastTerm();
      return { servers: [...present.values()], term, leaderId };
    },
    leave(serverId) {
      const wasThere = present.delete(serverId);
      const hasLed = leaderId === serverId;
      if (hasLed) leaderId = undefined;
      if (wasThere || hasLed) tell();
      return Promise.resolve();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    servers,
    hasTaken(serverId) {
      leaderId = serverId;
      tell();
    },
  };
}
