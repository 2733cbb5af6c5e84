import { Batch, type JobFilter, type Operation } from '@armada-ts/api/armada/store/v1/store';
import type { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import type { Principal } from '../auth/principal.ts';
import { queueNotFound } from '../auth/queue-access.ts';
import { timestampOf } from '../model/instant.ts';
import type { SubmitDeps } from './deps.ts';

type Event = NonNullable<EventSequence_Event['event']>;

/** What is asked of many jobs at once. */
export type SetRequest = Extract<Event, { $case: 'cancelJobSet' | 'reprioritiseJobSet' }>;
export type FleetRequest = Extract<Event, { $case: 'cancelJob' | 'jobPreemptionRequested' | 'jobRunErrors' }>;

type OperationDeps = Pick<SubmitDeps, 'store' | 'clock' | 'random'>;

/**
 * Writes a request about a whole job set: once into its stream, for watchers
 * and for replay, and once as an open operation for the leader, which carries
 * it out on every job submitted before.
 */
export async function openOperation(
  deps: OperationDeps,
  principal: Principal,
  set: { queue: string; jobSet: string },
  request: SetRequest,
): Promise<void> {
  const operation = operationOf(deps, principal, set, request);
  const sequence = {
    queue: set.queue,
    jobSetName: set.jobSet,
    userId: principal.name,
    groups: [...principal.groups],
    events: operation.event ? [operation.event] : [],
  };
  await append(deps, { ...Batch.create(), queue: set.queue, sequences: [sequence], opened: [operation] });
}

/**
 * Opens an operation on the jobs of a queue that pass a filter, in whatever job
 * sets; what becomes of them is told in their streams.
 */
export async function openFleetOperation(
  deps: OperationDeps,
  principal: Principal,
  on: { queue: string; filter: JobFilter },
  request: FleetRequest,
): Promise<void> {
  const operation = operationOf(deps, principal, { ...on, jobSet: '' }, request);
  await append(deps, { ...Batch.create(), queue: on.queue, opened: [operation] });
}

function operationOf(
  deps: OperationDeps,
  principal: Principal,
  on: { queue: string; jobSet: string; filter?: JobFilter },
  request: SetRequest | FleetRequest,
): Operation {
  return {
    id: Buffer.from(deps.random(16)).toString('hex'),
    queue: on.queue,
    jobSet: on.jobSet,
    requestor: principal.name,
    event: { created: timestampOf(deps.clock.now()), event: request },
    openedAtNumber: 0,
    filter: on.filter,
  };
}

async function append({ store }: OperationDeps, batch: Batch): Promise<void> {
  const result = await store.append(batch);
  switch (result.outcome) {
    case 'applied':
    case 'repeated':
      return;
    case 'no-queue':
      throw queueNotFound(batch.queue);
    case 'stale':
    case 'claimed':
    case 'sealed':
      throw new Error(`a request about many jobs was answered ${result.outcome}`);
  }
}
