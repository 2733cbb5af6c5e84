/** A living server process. */
export interface Member {
  /** Random for each process. */
  id: string;
  name: string;
  /** `host:port` at which the others reach its gRPC port. */
  address: string;
  version: string;
  startedAtMs: number;
}

/** Who else serves this store, and who leads. */
export interface Members {
  readonly self: Member;
  /** Alive, without this one. */
  others(): readonly Member[];
  /** Who leads, if anybody alive does. */
  leader(): Member | undefined;
  /** Calls back after any change. Returns the way out. */
  subscribe(listener: () => void): () => void;
}
