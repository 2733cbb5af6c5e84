import { Batch, type Operation } from '@armada-ts/api/armada/store/v1/store';
import type { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import type { Principal } from '../auth/principal.ts';
import { timestampOf } from '../model/instant.ts';
import type { SubmitDeps } from './deps.ts';
import { queueNotFound } from '../auth/queue-access.ts';

/** What a whole job set is asked. */
export type SetRequest = Extract<
  NonNullable<EventSequence_Event['event']>,
  { $case: 'cancelJobSet' | 'reprioritiseJobSet' }
>;

/**
 * Writes a request about a whole job set: once into its stream, for watchers
 * and for replay, and once as an open operation for the leader, which carries
 * it out on every job submitted before.
 */
export async function openOperation(
  deps: Pick<SubmitDeps, 'store' | 'clock' | 'random'>,
  principal: Principal,
  set: { queue: string; jobSet: string },
  request: SetRequest,
): Promise<void> {
  const { queue, jobSet } = set;
  const event: EventSequence_Event = { created: timestampOf(deps.clock.now()), event: request };
  const operation: Operation = {
    id: Buffer.from(deps.random(16)).toString('hex'),
    queue,
    jobSet,
    requestor: principal.name,
    event,
    openedAtNumber: 0,
  };
  const sequence = {
    queue,
    jobSetName: jobSet,
    userId: principal.name,
    groups: [...principal.groups],
    events: [event],
  };
  const result = await deps.store.append({
    ...Batch.create(),
    queue,
    sequences: [sequence],
    opened: [operation],
  });
  switch (result.outcome) {
    case 'applied':
    case 'repeated':
      return;
    case 'no-queue':
      throw queueNotFound(queue);
    case 'stale':
    case 'claimed':
    case 'sealed':
      throw new Error(`a request about a job set was answered ${result.outcome}`);
  }
}
