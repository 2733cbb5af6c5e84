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
export type ToWriter = readonly Order[] | 'close';

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
