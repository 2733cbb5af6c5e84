import type { Queue } from '@armada-ts/api/api/queue';
import { ArmadaError } from '../base/errors.ts';
import { shown } from '../model/names.ts';
import type { QueueVerb } from '../model/queue.ts';
import type { Authorizer } from './authorizer.ts';
import type { Principal } from './principal.ts';

/** What of the server it takes to ask about a queue. */
export interface QueueAccessDeps {
  store: { read: { queue(name: string): Promise<{ queue: Queue } | undefined> } };
  authorizer: Authorizer;
}

/** The queue, for a principal who may do this on it. Throws QUEUE_NOT_FOUND or PERMISSION_DENIED. */
export async function queueFor(
  { store, authorizer }: QueueAccessDeps,
  principal: Principal,
  name: string,
  verb: QueueVerb,
): Promise<Queue> {
  const found = await store.read.queue(name);
  if (found === undefined) throw queueNotFound(name);
  authorizer.demandOnQueue(principal, found.queue, verb);
  return found.queue;
}

export function queueNotFound(name: string): ArmadaError {
  return new ArmadaError(
    'QUEUE_NOT_FOUND',
    `queue ${shown(name)} does not exist; create it, or check the spelling`,
  );
}
