/**
 * The nodes of one pool and one node type in best-fit order: least free first,
 * by the ranked resources in their order (devices, cpu, memory, storage), then
 * by the node's rank, which follows executor id and node name. So the first
 * node in this order that has room is the tightest fit, and ties are the same
 * on every server.
 *
 * A sorted array: placing a job moves its node a little to the left, which is
 * one short memory move; finding a node leaps over bands of nodes that lack
 * the same resource instead of visiting them.
 */
import { RANKED_COLUMNS } from './resources.ts';

/** The columns this order reads. */
export interface NodeFree {
  /** Resources of a node: `width` numbers from `node * width` on. */
  readonly width: number;
  readonly free: Float64Array;
  readonly rank: Float64Array;
}

export interface NodeOrder {
  list: Int32Array;
  size: number;
}

/** Counts the nodes looked at, so that a round can bound its work without a clock. */
export interface Effort {
  steps: number;
}

export function createNodeOrder(): NodeOrder {
  return { list: new Int32Array(16), size: 0 };
}

/** Negative, zero or positive as `a` comes before, is or comes after `b`. */
export function compareNodes(columns: NodeFree, a: number, b: number): number {
  const { free, width } = columns;
  for (let column = 0; column < RANKED_COLUMNS; column++) {
    const difference = read(free, a * width + column) - read(free, b * width + column);
    if (difference !== 0) return difference;
  }
  return read(columns.rank, a) - read(columns.rank, b);
}

export function insertNode(order: NodeOrder, columns: NodeFree, node: number): void {
  if (order.size === order.list.length) {
    const grown = new Int32Array(order.size * 2);
    grown.set(order.list);
    order.list = grown;
  }
  const at = placeOf(order, columns, node);
  order.list.copyWithin(at + 1, at, order.size);
  order.list[at] = node;
  order.size++;
}

/** Must be called before what is free on the node changes. */
export function removeNode(order: NodeOrder, columns: NodeFree, node: number): void {
  const at = placeOf(order, columns, node);
  if (order.list[at] !== node) throw new Error('a node is not where its free resources say');
  order.list.copyWithin(at, at + 1, order.size);
  order.size--;
}

/** Changes what is free on a listed node by `change` and keeps it in its place. */
export function moveNode(order: NodeOrder, columns: NodeFree, node: number, change: () => void): void {
  const from = placeOf(order, columns, node);
  const { list } = order;
  if (list[from] !== node) throw new Error('a node is not where its free resources say');
  change();
  let to = from;
  if (from > 0 && compareNodes(columns, node, at(list, from - 1)) < 0) {
    to = search(order, columns, node, 0, from);
    list.copyWithin(to + 1, to, from);
  } else if (from + 1 < order.size && compareNodes(columns, node, at(list, from + 1)) > 0) {
    to = search(order, columns, node, from + 1, order.size) - 1;
    list.copyWithin(from, from + 1, to + 1);
  }
  list[to] = node;
}

/**
 * The first node in order with room for the request that `accepts` agrees to,
 * or -1.
 */
export function firstFit(
  order: NodeOrder,
  columns: NodeFree,
  query: { request: Float64Array; accepts: ((node: number) => boolean) | undefined },
  effort: Effort,
): number {
  const { request, accepts } = query;
  const { list, size } = order;
  const bound = request.slice(0, RANKED_COLUMNS);
  let position = lowerBound(order, columns, bound, 0);
  while (position < size) {
    effort.steps++;
    const node = at(list, position);
    const lacking = firstLacking(columns, node, request);
    if (lacking === -1) {
      if (accepts === undefined || accepts(node)) return node;
      position++;
    } else if (lacking >= RANKED_COLUMNS) {
      position++;
    } else {
      // Every node equal up to the lacking column and short in it can be leapt over.
      const start = node * columns.width;
      for (let column = 0; column < RANKED_COLUMNS; column++) {
        bound[column] = column < lacking ? read(columns.free, start + column) : read(request, column);
      }
      position = lowerBound(order, columns, bound, position + 1);
    }
  }
  return -1;
}

/** First column in which the node has less free than asked for, or -1. */
export function firstLacking(columns: NodeFree, node: number, request: Float64Array): number {
  const start = node * columns.width;
  for (let column = 0; column < request.length; column++) {
    if (read(columns.free, start + column) < read(request, column)) return column;
  }
  return -1;
}

/** Position of the first node from `from` on that has at least `bound`, in the order's sense; near ones are found first. */
function lowerBound(order: NodeOrder, columns: NodeFree, bound: Float64Array, from: number): number {
  let low = from;
  let stride = 1;
  let high = from;
  while (high < order.size && isBelow(columns, at(order.list, high), bound)) {
    low = high + 1;
    high += stride;
    stride *= 2;
  }
  high = Math.min(high, order.size);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(columns, at(order.list, middle), bound)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBelow(columns: NodeFree, node: number, bound: Float64Array): boolean {
  const start = node * columns.width;
  for (let column = 0; column < RANKED_COLUMNS; column++) {
    const free = read(columns.free, start + column);
    const wanted = read(bound, column);
    if (free !== wanted) return free < wanted;
  }
  return false;
}

function placeOf(order: NodeOrder, columns: NodeFree, node: number): number {
  return search(order, columns, node, 0, order.size);
}

function search(order: NodeOrder, columns: NodeFree, node: number, ...[from, end]: [number, number]): number {
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareNodes(columns, at(order.list, middle), node) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Columns are as long as what indexes them; the fallback only satisfies the type. */
function read(column: Float64Array, index: number): number {
  return column[index] ?? 0;
}

function at(list: Int32Array, index: number): number {
  return list[index] ?? -1;
}
