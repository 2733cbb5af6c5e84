import type { Clock } from '../clock.ts';

/** Things to do at given times, many of them: one timer for all, and a heap to know what is next. */
export class Agenda {
  readonly #clock: Clock;
  /** A binary heap: no entry is due before the one at half its index. */
  readonly #heap: { dueMs: number; what: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does something in `delayMs` from now. */
  add(delayMs: number, what: () => void): void {
    const heap = this.#heap;
    const dueMs = this.#clock.elapsed() + delayMs;
    let at = heap.push({ dueMs, what }) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && this.#isBefore(at, parent); parent = (at - 1) >> 1) {
      this.#swap(at, parent);
      at = parent;
    }
    this.#arm();
  }

  /** Stops the timer; what is due stays. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timerDueMs = Infinity;
  }

  /** Goes on after a pause. */
  resume(): void {
    this.#arm();
  }

  #arm(): void {
    const dueMs = this.#heap[0]?.dueMs ?? Infinity;
    if (dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, dueMs - this.#clock.elapsed()));
    this.#timer.unref();
  }

  #run(): void {
    this.#timerDueMs = Infinity;
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.dueMs > this.#clock.elapsed()) break;
      this.#removeFirst();
      next.what();
    }
    this.#arm();
  }

  #removeFirst(): void {
    const heap = this.#heap;
    this.#swap(0, heap.length - 1);
    heap.pop();
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(one: number, other: number): boolean {
    return (this.#heap[one]?.dueMs ?? Infinity) < (this.#heap[other]?.dueMs ?? Infinity);
  }

  #swap(one: number, other: number): void {
    const [first, second] = [this.#heap[one], this.#heap[other]];
    if (first === undefined || second === undefined) return;
    this.#heap[one] = second;
    this.#heap[other] = first;
  }
}
