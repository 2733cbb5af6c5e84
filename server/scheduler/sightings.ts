import type { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';

/**
 * What executors show, on its way to the scheduler's thread. While the thread
 * has not taken in what an executor showed, of all it shows after that only the
 * newest is kept: a thread that is busy for seconds then finds one request of
 * each executor before it, not hundreds.
 */
export interface Sightings {
  see(request: LeaseRequest): void;
  /** The thread has taken in what it was sent of this executor. */
  saw(executorId: string): void;
}

export function createSightings(send: (request: LeaseRequest) => void): Sightings {
  /** By executor that the thread has a request of: the newest after it. */
  const waiting = new Map<string, LeaseRequest | undefined>();
  return {
    see(request) {
      const { executorId } = request;
      if (waiting.has(executorId)) {
        waiting.set(executorId, request);
        return;
      }
      waiting.set(executorId, undefined);
      send(request);
    },
    saw(executorId) {
      const next = waiting.get(executorId);
      waiting.delete(executorId);
      if (next) this.see(next);
    },
  };
}
