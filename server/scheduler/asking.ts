/** Questions to the scheduler's thread about the fleet, and the answers that come back. */
import { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import { ArmadaError } from '../base/errors.ts';
import { movable } from './messages.ts';
import type { Thread } from './thread.ts';

export interface Asking {
  /** Throws UNAVAILABLE. */
  ask(question: ReadFleetRequest): Promise<ReadFleetResponse>;
  answered(id: number, bytes: Uint8Array): void;
  /** The thread does not know any more: it does not lead. */
  refuseAll(): void;
}

/** Enough for a thread in the middle of a long round. */
const ANSWER_MS = 4_000;

/** Questions before the thread: nobody needs to know so often. */
const MAX_WAITING = 100;

export function createAsking(thread: Pick<Thread, 'send'>, leads: () => boolean): Asking {
  const waiting = new Map<number, { answer: (answer: ReadFleetResponse) => void; refuse: () => void }>();
  let last = 0;
  return {
    async ask(question) {
      if (!leads() || waiting.size >= MAX_WAITING) throw unknown();
      const id = ++last;
      const bytes = movable(ReadFleetRequest.encode(question).finish());
      const { promise, resolve, reject } = Promise.withResolvers<ReadFleetResponse>();
      const refuse = (): void => reject(unknown());
      const timer = setTimeout(refuse, ANSWER_MS);
      waiting.set(id, { answer: resolve, refuse });
      thread.send({ kind: 'ask', id, bytes }, bytes);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(id);
      }
    },
    answered: (id, bytes) => waiting.get(id)?.answer(ReadFleetResponse.decode(bytes)),
    refuseAll() {
      for (const { refuse } of waiting.values()) refuse();
    },
  };
}

function unknown(): ArmadaError {
  const message = 'the scheduler of this server does not lead, or is busy; try again';
  return new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 1000 });
}
