/** What an executor showed of itself, here or at another server. */
export interface Sighting {
  readonly executorId: string;
  /** An encoded executorapi.LeaseRequest, made when it is asked for: its buffer may be taken away. */
  encoded(): Uint8Array;
  /** It was shown to an earlier leader: of use only while nothing newer is known of the executor. */
  readonly isRepeated: boolean;
}

/**
 * What executors show, on its way to the scheduler's thread. While the thread
 * has not taken in what an executor showed, of all it shows after that only the
 * newest is kept: a thread that is busy for seconds then finds one request of
 * each executor before it, not hundreds. The same while it does not lead yet.
 */
export interface Sightings {
  see(sighting: Sighting): void;
  /** The thread has taken in what it was sent of this executor. */
  saw(executorId: string): void;
  /** The thread leads: it gets what is kept and what comes. */
  open(): void;
  /** It does not. */
  close(): void;
  /** Another server leads: what is kept here is outdated. */
  forget(): void;
}

export function createSightings(send: (sighting: Sighting) => void): Sightings {
  /** Executors that the thread has a request of. */
  const sent = new Set<string>();
  /** The newest of each executor that the thread has not been sent. */
  const kept = new Map<string, Sighting>();
  let isOpen = false;
  const pass = (sighting: Sighting): void => {
    kept.delete(sighting.executorId);
    sent.add(sighting.executorId);
    send(sighting);
  };
  return {
    see(sighting) {
      const { executorId, isRepeated } = sighting;
      if (isOpen && !sent.has(executorId)) pass(sighting);
      else if (!isRepeated || (!isOpen && !kept.has(executorId))) kept.set(executorId, sighting);
    },
    saw(executorId) {
      sent.delete(executorId);
      const next = kept.get(executorId);
      if (isOpen && next) pass(next);
    },
    open() {
      isOpen = true;
      for (const sighting of Array.from(kept.values())) if (!sent.has(sighting.executorId)) pass(sighting);
    },
    close() {
      isOpen = false;
    },
    forget: () => kept.clear(),
  };
}
