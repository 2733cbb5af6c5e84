/**
 * The queued jobs that are up for placing, in *lanes*: one for each queue and
 * class. Within a lane only the order of jobs matters, so a class that finds no
 * room sets its lanes aside as a whole, however many jobs they hold.
 */
import { growInts } from './columns.ts';
import { type Heap, pushItem, removeAt } from './heap.ts';

/** What decides the order of jobs within their class; columns by job. */
export interface JobOrder {
  /** Whether the id of job `a` is lower. */
  readonly isIdBefore: (a: number, b: number) => boolean;
  /** Lower first. */
  priority: Float64Array;
  submittedAtMs: Float64Array;
}

export interface Lane {
  readonly queue: number;
  readonly classIndex: number;
  readonly jobs: Heap;
}

export interface Waiting {
  readonly order: JobOrder;
  /** By class: its lanes by queue. Only lanes with jobs are kept. */
  readonly byClass: Map<number, Map<number, Lane>>;
  /** Place of a job in its lane, -1 when it is in none. */
  position: Int32Array;
  /** Jobs in all lanes. */
  size: number;
}

export function createWaiting(order: JobOrder): Waiting {
  return { order, byClass: new Map(), position: new Int32Array(0), size: 0 };
}

/** Priority rising, then earlier submit, then lower id: the order of jobs of one queue and priority class. */
export function isJobBefore(order: JobOrder, a: number, b: number): boolean {
  const byPriority = (order.priority[a] ?? 0) - (order.priority[b] ?? 0);
  if (byPriority !== 0) return byPriority < 0;
  const bySubmit = (order.submittedAtMs[a] ?? 0) - (order.submittedAtMs[b] ?? 0);
  if (bySubmit !== 0) return bySubmit < 0;
  return order.isIdBefore(a, b);
}

export function isWaiting(waiting: Waiting, job: number): boolean {
  return (waiting.position[job] ?? -1) >= 0;
}

/** Lines up a job that is in no lane. */
export function lineUp(waiting: Waiting, job: number, queue: number, classIndex: number): void {
  let lanes = waiting.byClass.get(classIndex);
  if (lanes === undefined) {
    lanes = new Map();
    waiting.byClass.set(classIndex, lanes);
  }
  let lane = lanes.get(queue);
  if (lane === undefined) {
    lane = { queue, classIndex, jobs: laneHeap(waiting) };
    lanes.set(queue, lane);
  }
  if (job >= waiting.position.length) {
    const before = waiting.position.length;
    waiting.position = growInts(waiting.position, job + 1);
    waiting.position.fill(-1, before);
  }
  pushItem(lane.jobs, job);
  waiting.size++;
}

/** Takes a job out of its lane. */
export function stepOut(waiting: Waiting, job: number, queue: number, classIndex: number): void {
  const lanes = waiting.byClass.get(classIndex);
  const lane = lanes?.get(queue);
  const at = waiting.position[job] ?? -1;
  if (lanes === undefined || lane === undefined || at < 0) return;
  removeAt(lane.jobs, at);
  waiting.size--;
  if (lane.jobs.items.length > 0) return;
  lanes.delete(queue);
  if (lanes.size === 0) waiting.byClass.delete(classIndex);
}

function laneHeap(waiting: Waiting): Heap {
  return {
    items: [],
    isBefore: (a, b) => isJobBefore(waiting.order, a, b),
    placed: (job, at) => {
      waiting.position[job] = at;
    },
  };
}
