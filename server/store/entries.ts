/**
 * Log entries in memory, as appending makes them, and what the engines keep of
 * them: names only. The events, records and control records themselves are read
 * as they are when a follower asks: it skips what it has seen by version.
 */
import { EventSequence } from '@armada-ts/api/armadaevents/armadaevents';
import {
  type Batch,
  Control_Kind,
  LogEntry,
  Operation,
  SchedulingClass,
} from '@armada-ts/api/armada/store/v1/store';
import { encodeMessage } from '../model/encode.ts';
import { pack, unpack } from './pack.ts';
import type { PackedJobs } from './packed-jobs.ts';
import type { ControlChange, TailEntry } from './store.ts';

/** Where a sequence of a batch landed. */
export interface SequencePlace {
  number: number;
  streamCreatedMs: number;
}

/** Where a batch landed. */
export interface EntryPlace {
  partition: number;
  number: number;
  sequences: readonly SequencePlace[];
}

/**
 * The entry of an applied batch, of the batch's own objects.
 * @param packed its jobs, the submitted ones first, where they have been packed
 */
export function appliedEntry(batch: Batch, place: EntryPlace, packed?: PackedJobs): TailEntry {
  const { partition, number, sequences } = place;
  return {
    partition,
    number,
    queue: batch.queue,
    sequences: sequences.map((sequence, i) => {
      const events = batch.sequences[i];
      return { jobSet: events?.jobSetName ?? '', ...sequence, events };
    }),
    jobs: [...batch.submitted, ...batch.changed].map(({ record }) => ({ record, version: number })),
    classes: batch.classes,
    opened: batch.opened.map((operation) => ({ ...operation, openedAtNumber: number })),
    closed: batch.closed,
    control: undefined,
    ...(packed && { packed }),
  };
}

/** The log entry of a change. */
export function controlEntry(partition: number, number: number, change: ControlChange): LogEntry {
  const { kind, name, record } = change;
  return LogEntry.fromPartial({
    partition,
    number,
    queue: kind === Control_Kind.KIND_QUEUE ? name : '',
    control: { kind, name, version: number, ...(record && { record: ownCopy(record) }) },
  });
}

/** Entries are held for long: a copy out of the buffer pool would keep 64 KiB alive for a few bytes. */
function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** What a record, or what an entry has besides, takes at the least. */
const BYTES_OF_JOB = 200;

/** About what followers hold of an entry, as if it were encoded: its events and its records, but no specs. */
export function followedBytes(eventBytes: number, jobs: number): number {
  return eventBytes + BYTES_OF_JOB * (1 + jobs);
}

/** About what a batch takes while it is on its way. */
export function batchBytes(batch: Batch): number {
  const jobs = batch.submitted.length + batch.changed.length;
  const events = batch.sequences.reduce((sum, sequence) => sum + sequence.events.length, 0);
  return specBytes(batch) + followedBytes(BYTES_OF_JOB * events, jobs);
}

/** Bytes of the specs of a batch. */
export function specBytes(batch: Batch): number {
  return batch.submitted.reduce((sum, { spec }) => sum + spec.length, 0);
}

/** The stored form of an entry's names, without its jobs. */
export function encodeNames(entry: LogEntry): Uint8Array {
  const names: LogEntry = {
    ...entry,
    sequences: entry.sequences.map((sequence) => ({ ...sequence, events: undefined })),
    jobs: [],
    classes: entry.classes.map(({ id }) => SchedulingClass.fromPartial({ id })),
    opened: entry.opened.map(({ id }) => Operation.fromPartial({ id })),
    control: entry.control && { ...entry.control, record: undefined },
  };
  return pack(encodeMessage(LogEntry, names));
}

/** A stored sequence of events, with the names that are not repeated in it. */
export function eventsOf(bytes: Uint8Array, queue: string, jobSetName: string): EventSequence {
  return decodeEvents(unpack(bytes), queue, jobSetName);
}

/** The same of one that is unpacked. */
export function decodeEvents(unpacked: Uint8Array, queue: string, jobSetName: string): EventSequence {
  return { ...EventSequence.decode(unpacked), queue, jobSetName };
}

/** A sequence without the names that are not repeated in it. It is stored packed. */
export function encodeEvents(events: EventSequence): Uint8Array {
  return encodeMessage(EventSequence, { ...events, queue: '', jobSetName: '' });
}
