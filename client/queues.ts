import type { JobState } from '@armada-ts/api/api/job';
import { Queue, QueueServiceService } from '@armada-ts/api/api/queue';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

/** What a new queue may state; everything but the name has a default. */
export type QueueDefinition = Pick<Queue, 'name'> & Partial<Omit<Queue, 'name' | '_unknownFields'>>;

/** Throws ALREADY_EXISTS when there is a queue of that name. A priority factor left out is 1. */
export async function createQueue(
  connection: Connection,
  definition: QueueDefinition,
  options?: CallOptions,
): Promise<void> {
  const queue = { ...Queue.create(), ...definition, priorityFactor: definition.priorityFactor || 1 };
  await connection.call(QueueServiceService.createQueue, queue, options);
}

/** Throws NOT_FOUND. */
export async function getQueue(connection: Connection, name: string, options?: CallOptions): Promise<Queue> {
  return callRepeatedly(connection, QueueServiceService.getQueue, { name }, options);
}

/** All queues, by name. */
export async function* getQueues(connection: Connection, options?: CallOptions): AsyncGenerator<Queue, void> {
  for await (const message of connection.stream(QueueServiceService.getQueues, { num: 0 }, options)) {
    if (message.event?.$case === 'queue') yield message.event.value;
    if (message.event?.$case === 'end') return;
  }
}

/** What of a queue is to change; what is left out stays. */
export type QueuePatch = Partial<Omit<Queue, 'name' | '_unknownFields'>>;

/**
 * Changes some settings of a queue and leaves the others: reads it, and writes
 * it back whole, as the protocol has no smaller change. Two that do so at the
 * same moment may undo each other's change. Gives the queue as written. Throws
 * NOT_FOUND.
 */
export async function updateQueue(
  connection: Connection,
  name: string,
  patch: QueuePatch,
  options?: CallOptions,
): Promise<Queue> {
  const queue = { ...(await getQueue(connection, name, options)), ...patch };
  await callRepeatedly(connection, QueueServiceService.updateQueue, queue, options);
  return queue;
}

/** Writes a queue whole: what the definition leaves out goes back to its default. Throws NOT_FOUND. */
export async function replaceQueue(
  connection: Connection,
  definition: QueueDefinition,
  options?: CallOptions,
): Promise<void> {
  const queue = { ...Queue.create(), ...definition, priorityFactor: definition.priorityFactor || 1 };
  await callRepeatedly(connection, QueueServiceService.updateQueue, queue, options);
}

/** Throws NOT_FOUND, or FAILED_PRECONDITION while the queue has jobs that have not ended. */
export async function deleteQueue(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  await connection.call(QueueServiceService.deleteQueue, { name }, options);
}

/** A cordoned queue takes jobs but starts none. */
export async function cordonQueue(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  await callRepeatedly(connection, QueueServiceService.cordonQueue, { name }, options);
}

export async function uncordonQueue(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  await callRepeatedly(connection, QueueServiceService.uncordonQueue, { name }, options);
}

/** Which jobs of a queue are meant; priority classes and pools that are left out mean all. */
export interface QueueJobSelection {
  name: string;
  priorityClasses?: readonly string[];
  pools?: readonly string[];
}

/** Asks for the preemptible runs of a queue to be preempted; what becomes of each shows in its job set. */
export async function preemptOnQueue(
  connection: Connection,
  { name, priorityClasses = [], pools = [] }: QueueJobSelection,
  options?: CallOptions,
): Promise<void> {
  const request = { name, priorityClasses: [...priorityClasses], pools: [...pools] };
  await connection.call(QueueServiceService.preemptOnQueue, request, options);
}

/** Asks for jobs of a queue to be cancelled. No states select nothing, so that a forgotten list cannot cancel a queue. */
export async function cancelOnQueue(
  connection: Connection,
  { name, states, priorityClasses = [], pools = [] }: QueueJobSelection & { states: readonly JobState[] },
  options?: CallOptions,
): Promise<void> {
  const request = {
    name,
    jobStates: [...states],
    priorityClasses: [...priorityClasses],
    pools: [...pools],
  };
  await connection.call(QueueServiceService.cancelOnQueue, request, options);
}
