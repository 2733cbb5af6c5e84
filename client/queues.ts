import { Queue, QueueServiceService } from '@armada-ts/api/api/queue';
import type { CallOptions, Connection } from './connect.ts';

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
  return connection.call(QueueServiceService.getQueue, { name }, options);
}

/** All queues, by name. */
export async function* getQueues(connection: Connection, options?: CallOptions): AsyncGenerator<Queue, void> {
  for await (const message of connection.stream(QueueServiceService.getQueues, { num: 0 }, options)) {
    if (message.event?.$case === 'queue') yield message.event.value;
    if (message.event?.$case === 'end') return;
  }
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
  await connection.call(QueueServiceService.cordonQueue, { name }, options);
}

export async function uncordonQueue(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<void> {
  await connection.call(QueueServiceService.uncordonQueue, { name }, options);
}
