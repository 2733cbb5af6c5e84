/** What a server process says of itself to the others of its store. */
export interface ServerRecord {
  /** Random for each process. */
  id: string;
  name: string;
  /** `host:port` at which the others reach its gRPC port. */
  address: string;
  version: string;
  startedAtMs: number;
}

/** Who serves a store, and who leads, at one moment. */
export interface Meeting {
  /** All that have come and not left, by id: also the caller, and those that have died since. */
  servers: Attendance[];
  /** The last term that was taken, 0 for none. */
  term: number;
  /** Who took it, unless it has left. */
  leaderId: string | undefined;
}

export interface Attendance {
  server: ServerRecord;
  /** Higher each time that this server meets: one that rises no more belongs to a server that is gone. */
  beat: number;
}

/**
 * The server processes of one store. Numbers decide who leads (Store.lead); what
 * is here only says when it is worth trying, and where everybody is.
 */
export interface Servers {
  /** Random, made with the store: what its servers know each other by. */
  readonly secret: Uint8Array;

  /** Says that this server is alive, and hears of all others. Atomic. */
  meet(self: ServerRecord): Promise<Meeting>;

  /** A server stops, or is known to be gone: it is listed no more, and no longer leads. */
  leave(serverId: string): Promise<void>;

  /** Calls back when somebody has come, left or taken the lead. Word may be missed. Returns the way out. */
  subscribe(listener: () => void): () => void;
}
