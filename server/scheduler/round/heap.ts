/**
 * A binary heap of integers that knows where each of its items is, so that any
 * item can be taken out, or moved after its key has changed, in O(log n).
 */
export interface Heap {
  readonly items: number[];
  /** Whether `a` comes before `b`. Must be a total order. */
  readonly isBefore: (a: number, b: number) => boolean;
  /** Told where an item is now; -1 when it has left. */
  readonly placed: (item: number, at: number) => void;
}

export function pushItem(heap: Heap, item: number): void {
  heap.items.push(item);
  rise(heap, heap.items.length - 1);
}

/** Takes out the item at this place. */
export function removeAt(heap: Heap, at: number): void {
  const { items } = heap;
  const removed = items[at];
  const last = items.pop();
  if (removed === undefined || last === undefined) return;
  heap.placed(removed, -1);
  if (at === items.length) return;
  items[at] = last;
  settle(heap, at);
}

/** Puts the item at this place where its key, which may have changed, belongs. */
export function settle(heap: Heap, at: number): void {
  if (rise(heap, at) === at) sink(heap, at);
}

function rise(heap: Heap, from: number): number {
  const { items, isBefore, placed } = heap;
  const item = items[from];
  if (item === undefined) return from;
  let at = from;
  while (at > 0) {
    const above = (at - 1) >>> 1;
    const other = items[above];
    if (other === undefined || !isBefore(item, other)) break;
    items[at] = other;
    placed(other, at);
    at = above;
  }
  items[at] = item;
  placed(item, at);
  return at;
}

function sink(heap: Heap, from: number): void {
  const { items, isBefore, placed } = heap;
  const item = items[from];
  if (item === undefined) return;
  let at = from;
  for (;;) {
    let below = 2 * at + 1;
    let other = items[below];
    const right = items[below + 1];
    if (other !== undefined && right !== undefined && isBefore(right, other)) {
      below += 1;
      other = right;
    }
    if (other === undefined || !isBefore(other, item)) break;
    items[at] = other;
    placed(other, at);
    at = below;
  }
  items[at] = item;
  placed(item, at);
}
