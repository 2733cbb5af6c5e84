/** Queues as columns: what the round needs to know of each. */
import type { Queue } from '@armada-ts/api/api/queue';
import { growBytes, growFloats } from './round/columns.ts';
import type { QueueColumns } from './round/round.ts';

export interface Queues extends QueueColumns {
  readonly byName: Map<string, number>;
}

export function createQueues(): Queues {
  return { names: [], byName: new Map(), priorityFactor: new Float64Array(0), held: new Uint8Array(0) };
}

/**
 * Index of a queue; made at first sight. A queue keeps its index for as long as
 * the scheduler runs: there are few, and charges outlive them.
 */
export function ensureQueue(queues: Queues, name: string): number {
  const known = queues.byName.get(name);
  if (known !== undefined) return known;
  const index = queues.names.push(name) - 1;
  queues.byName.set(name, index);
  queues.priorityFactor = growFloats(queues.priorityFactor, index + 1);
  queues.held = growBytes(queues.held, index + 1);
  queues.priorityFactor[index] = 1;
  return index;
}

/** Takes over what the queue's record says. */
export function setQueue(queues: Queues, queue: Queue): void {
  const index = ensureQueue(queues, queue.name);
  queues.priorityFactor[index] = queue.priorityFactor > 0 ? queue.priorityFactor : 1;
  queues.held[index] = Number(queue.cordoned);
}
