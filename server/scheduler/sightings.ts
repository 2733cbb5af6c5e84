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
 * each executor before it, not hundreds.
 */
export interface Sightings {
  see(sighting: Sighting): void;
  /** The thread has taken in what it was sent of this executor. */
  saw(executorId: string): void;
}

export function createSightings(send: (sighting: Sighting) => void): Sightings {
  /** By executor that the thread has a request of: the newest after it. */
  const waiting = new Map<string, Sighting | undefined>();
  return {
    see(sighting) {
      const { executorId, isRepeated } = sighting;
      if (!waiting.has(executorId)) {
        waiting.set(executorId, undefined);
        send(sighting);
      } else if (!isRepeated) {
        waiting.set(executorId, sighting);
      }
    },
    saw(executorId) {
      const next = waiting.get(executorId);
      waiting.delete(executorId);
      if (next) this.see(next);
    },
  };
}
