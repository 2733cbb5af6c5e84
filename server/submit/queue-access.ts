import type { Queue } from '@armada-ts/api/api/queue';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError } from '../base/errors.ts';
import { shown } from '../model/names.ts';
import type { QueueVerb } from '../model/queue.ts';
import type { SubmitDeps } from './deps.ts';

/** The queue, for a principal who may do this on it. Throws QUEUE_NOT_FOUND or PERMISSION_DENIED. */
export async function queueFor(
  { store, authorizer }: Pick<SubmitDeps, 'store' | 'authorizer'>,
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

/** Others kept changing the same thing; nothing was done. */
export function tooBusy(what: string): ArmadaError {
  return new ArmadaError('CONFLICT', `${what} kept changing meanwhile; try again`, { retryAfterMs: 1000 });
}
