/**
 * What the scheduler keeps for a pool: its nodes in best-fit order, what they
 * offer together, what each queue holds of it, and which classes are known to
 * find no room.
 */
import { growFloats } from './columns.ts';
import { type NodeOrder, createNodeOrder } from './node-order.ts';
import { RANKED_COLUMNS } from './resources.ts';

export interface Pool {
  readonly name: string;
  /** Listed nodes by node type. */
  readonly orders: (NodeOrder | undefined)[];
  /** Ranked resources of all nodes that count. */
  readonly totals: Float64Array;
  /** Ranked resources held by a queue, from `queue * RANKED_COLUMNS` on. */
  allocated: Float64Array;
  /** Nodes that gained room, oldest first: a class that found no room looks only at those that did since. */
  released: number[];
  /** For each class 0 while it may fit, else 1 + the length of `released` when it last did not. */
  blockedAt: Float64Array;
}

/** The released list is dropped beyond this length, and every class is tried again in full. */
const MAX_RELEASED = 16_384;

export function createPool(name: string): Pool {
  return {
    name,
    orders: [],
    totals: new Float64Array(RANKED_COLUMNS),
    allocated: new Float64Array(0),
    released: [],
    blockedAt: new Float64Array(0),
  };
}

export function orderOf(pool: Pool, type: number): NodeOrder {
  let order = pool.orders[type];
  if (order === undefined) {
    order = createNodeOrder();
    pool.orders[type] = order;
  }
  return order;
}

/** Adds to what a queue holds; `sign` is 1 or -1. */
export function allocate(pool: Pool, queue: number, request: Float64Array, sign: number): void {
  const start = queue * RANKED_COLUMNS;
  pool.allocated = growFloats(pool.allocated, start + RANKED_COLUMNS);
  for (let column = 0; column < RANKED_COLUMNS; column++) {
    pool.allocated[start + column] = (pool.allocated[start + column] ?? 0) + sign * (request[column] ?? 0);
  }
}

export function noteReleased(pool: Pool, node: number): void {
  if (pool.released.length >= MAX_RELEASED) reopenAll(pool);
  pool.released.push(node);
}

/** Forgets what found no room, for instance because classes or node types have changed. */
export function reopenAll(pool: Pool): void {
  pool.released.length = 0;
  pool.blockedAt.fill(0);
}

export function block(pool: Pool, classIndex: number): void {
  pool.blockedAt = growFloats(pool.blockedAt, classIndex + 1);
  pool.blockedAt[classIndex] = pool.released.length + 1;
}

export function unblock(pool: Pool, classIndex: number): void {
  if (classIndex < pool.blockedAt.length) pool.blockedAt[classIndex] = 0;
}

/**
 * The share of the pool that a queue would hold with `request` on top: its
 * dominant resource, counted by weight (weight = 1 / priority factor).
 */
export function proposedCost(
  pool: Pool,
  queue: { index: number; priorityFactor: number },
  request: Float64Array,
): number {
  const start = queue.index * RANKED_COLUMNS;
  let dominant = 0;
  for (let column = 0; column < RANKED_COLUMNS; column++) {
    const total = pool.totals[column] ?? 0;
    if (total <= 0) continue;
    const held = start + column < pool.allocated.length ? (pool.allocated[start + column] ?? 0) : 0;
    dominant = Math.max(dominant, (held + (request[column] ?? 0)) / total);
  }
  return dominant * (queue.priorityFactor > 0 ? queue.priorityFactor : 1);
}
