/** What the main thread and the writer thread tell each other: bytes and small values only. */
import type { ErrorCode, Fault } from '../../base/errors.ts';
import type { AcknowledgementLevel, ControlChange, Lead, Retention } from '../store.ts';
import type { BatchOutcome } from './append.ts';
import type { ControlOutcome } from './control.ts';
import type { Fixed } from './schema.ts';

/** How the writer thread starts. */
export interface WriterStart {
  path: string;
  acknowledgement: AcknowledgementLevel;
  partitions: number | undefined;
  now: number;
}

/** One thing to write. `now` comes along because the clock belongs to the main thread. */
export type Work =
  | { kind: 'append'; batch: Uint8Array<ArrayBuffer>; now: number }
  | { kind: 'control'; change: ControlChange; now: number }
  | { kind: 'lead'; after: number }
  | { kind: 'trim'; now: number; retention: Retention };

/** What it came to. */
export interface Outcomes {
  append: BatchOutcome;
  control: ControlOutcome;
  lead: Lead | undefined;
  trim: boolean;
}

/** Work on its way to the writer. */
export interface Order {
  id: number;
  /** Decisions and reports go before submits: they free what submits wait for. */
  urgent: boolean;
  /** Size of the batch, to bound a transaction. */
  bytes: number;
  work: Work;
}

/** Orders come as many at once as there are: each message costs more than a small order. */
export type ToWriter = readonly (Order | PackedAppends)[] | 'close';

/** Small appends, one after the other: of each id, urgency, time and length, and its batch. */
export interface PackedAppends {
  id: undefined;
  numbers: Float64Array<ArrayBuffer>;
  batches: Uint8Array<ArrayBuffer>;
}

type AppendOrder = Order & { work: Extract<Work, { kind: 'append' }> };

/** Up to this size a batch is copied, which takes less than an object and memory that change threads. */
const MAX_PACKED_BYTES = 16 * 1024;

function isSmallAppend(order: Order): order is AppendOrder {
  return order.work.kind === 'append' && order.bytes <= MAX_PACKED_BYTES;
}

const NUMBERS_OF_APPEND = 4;

/** The orders as they cross threads, and the memory that changes hands with them. */
export function packOrders(orders: readonly Order[]): {
  packed: (Order | PackedAppends)[];
  moved: ArrayBuffer[];
} {
  const packed: (Order | PackedAppends)[] = [];
  const moved: ArrayBuffer[] = [];
  let small: AppendOrder[] = [];
  const flush = (): void => {
    if (small.length === 0) return;
    const appends = packAppends(small);
    packed.push(appends);
    moved.push(appends.numbers.buffer, appends.batches.buffer);
    small = [];
  };
  for (const order of orders) {
    if (isSmallAppend(order)) {
      small.push(order);
      continue;
    }
    flush();
    packed.push(order);
    if (order.work.kind === 'append') moved.push(order.work.batch.buffer);
  }
  flush();
  return { packed, moved };
}

function packAppends(orders: readonly AppendOrder[]): PackedAppends {
  const numbers = new Float64Array(orders.length * NUMBERS_OF_APPEND);
  const batches = new Uint8Array(orders.reduce((sum, { work }) => sum + work.batch.length, 0));
  let place = 0;
  let at = 0;
  for (const { id, urgent, work } of orders) {
    numbers[place++] = id;
    numbers[place++] = urgent ? 1 : 0;
    numbers[place++] = work.now;
    numbers[place++] = work.batch.length;
    batches.set(work.batch, at);
    at += work.batch.length;
  }
  return { id: undefined, numbers, batches };
}

/** What packOrders was given. */
export function* unpackOrders(packed: readonly (Order | PackedAppends)[]): Generator<Order> {
  for (const each of packed) {
    if (each.id === undefined) yield* unpackAppends(each);
    else yield each;
  }
}

function* unpackAppends({ numbers, batches }: PackedAppends): Generator<Order> {
  let at = 0;
  for (let place = 0; place < numbers.length; place += NUMBERS_OF_APPEND) {
    const [id = 0, urgent, now = 0, bytes = 0] = numbers.subarray(place, place + NUMBERS_OF_APPEND);
    const batch = batches.subarray(at, at + bytes);
    at += bytes;
    yield { id, urgent: urgent === 1, bytes, work: { kind: 'append', batch, now } };
  }
}

/** Answer to an order: what it came to, or why it failed. */
export type Answer =
  | { id: number; value: Outcomes[Work['kind']] }
  /** `unavailable`: disk or file system; anything else is a fault of the caller or of ours. */
  | { id: number; failure: string; unavailable: boolean };

export type FromWriter =
  | { kind: 'open'; fixed: Fixed }
  | { kind: 'refused'; code: ErrorCode; message: string; faults: readonly Fault[] }
  /** What one transaction settled, in the order in which it was applied. */
  | { kind: 'applied'; numbers: Float64Array<ArrayBuffer> }
  | { kind: 'answer'; answer: Answer };

/** An applied batch and the id of its order. */
interface Applied {
  id: number;
  value: Extract<BatchOutcome, { outcome: 'applied' }>;
}

/** Applied batches as bare numbers: cloning them as objects takes longer than writing a small batch. */
export function encodeApplied(answers: readonly Applied[]): Float64Array<ArrayBuffer> {
  const numbers: number[] = [];
  for (const { id, value } of answers) {
    numbers.push(id, value.partition, value.number, value.sequences.length);
    for (const place of value.sequences) numbers.push(place.number, place.streamCreatedMs);
  }
  return Float64Array.from(numbers);
}

/** What encodeApplied was given. */
export function* decodeApplied(numbers: Float64Array): Generator<Applied> {
  let at = 0;
  const take = (): number => numbers[at++] ?? 0;
  while (at < numbers.length) {
    const [id, partition, number, count] = [take(), take(), take(), take()];
    const sequences = Array.from({ length: count }, () => ({ number: take(), streamCreatedMs: take() }));
    yield { id, value: { outcome: 'applied', partition, number, sequences } };
  }
}

/** Tells applied batches from all other answers. */
export function isApplied(answer: Answer): answer is Applied {
  return (
    'value' in answer &&
    typeof answer.value === 'object' &&
    'sequences' in answer.value &&
    answer.value.outcome === 'applied'
  );
}
