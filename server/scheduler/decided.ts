/**
 * Batches of this thread that the store has been given. When one comes back as a
 * log entry, what it says is here already and need not be sent and read again.
 */
import type { Batch, LogEntry } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import type { WireOutcome } from './messages.ts';

export interface DecidedBatches {
  add(id: number, batch: Batch): void;
  /** What has become of one. One that is in the log is held until its entry has come. */
  settled(id: number, outcome: WireOutcome): void;
  /** The log entry that a batch has become. */
  entryOf(id: number, place: Pick<LogEntry, 'partition' | 'number'>): LogEntry;
  /** Every entry up to there has come: those that came otherwise, read from the store, are let go of. */
  reached(partition: number, number: number): void;
  clear(): void;
}

interface Decided {
  batch: Batch;
  /** Once that is known. */
  place?: { partition: number; number: number };
}

export function createDecidedBatches(): DecidedBatches {
  const held = new Map<number, Decided>();
  return {
    add: (id, batch) => held.set(id, { batch }),
    settled(id, outcome) {
      const decided = held.get(id);
      if (!decided) return;
      if (outcome.outcome === 'applied') decided.place = outcome;
      else held.delete(id);
    },
    entryOf(id, place) {
      const decided = held.get(id);
      assert(decided, 'an entry is a batch that this thread has decided');
      held.delete(id);
      return entryOf(decided.batch, place);
    },
    reached(partition, number) {
      for (const [id, { place }] of held) {
        if (place?.partition === partition && place.number <= number) held.delete(id);
      }
    },
    clear: () => held.clear(),
  };
}

/** An entry as the scheduler needs it: decisions make no jobs and open no operations. */
function entryOf(
  { queue, changed, classes, closed }: Batch,
  { partition, number }: Pick<LogEntry, 'partition' | 'number'>,
): LogEntry {
  return {
    partition,
    number,
    queue,
    sequences: [],
    jobs: changed.map(({ record }) => ({ record, version: number })),
    classes,
    opened: [],
    closed,
    control: undefined,
  };
}
