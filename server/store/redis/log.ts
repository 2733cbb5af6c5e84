/**
 * The partition log: an entry says what an append touched, by name only. The
 * script stamps it with
 *
 *     time (6 bytes), mark (8 bytes), number of sequences (2 bytes),
 *     then number and beginning of the stream of each (6 bytes each)
 *
 * and behind that stands what the caller encoded: the length of the names
 * (4 bytes), the names, and the keys of the jobs.
 */
import {
  type JobRecord,
  LogEntry,
  Operation,
  SchedulingClass,
  type StoredJob,
} from '@armada-ts/api/armada/store/v1/store';
import { decodeEvents, encodeNames, followedBytes } from '../entries.ts';
import { jobIdOf } from '../../model/job-key.ts';
import { pack, unpack } from '../pack.ts';
import { setName } from './keys.ts';
import type { Seen } from './append.ts';
import { bytesOf, listOf, type Partition } from './partition.ts';
import { LOG, SEQUENCES } from './scripts/read.ts';

const MARK_BYTES = 8;
const KEY_BYTES = 16;
/** What one page of the log holds at most. */
const PAGE_ENTRIES = 256;
const PAGE_BYTES = 64 * 1024;
/** Jobs that it names, unless a single entry names more: about 20 ms. */
const PAGE_JOBS = 2000;

/** The part of an entry that the caller encodes. */
export function encodeItem(entry: LogEntry, jobKeys: readonly Uint8Array[]): Buffer {
  const names = encodeNames(entry);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(names.length);
  return Buffer.concat([length, names, pack(Buffer.concat(jobKeys))]);
}

/** An entry as it stands in the log. */
interface Item {
  entry: LogEntry;
  jobIds: string[];
  mark: Buffer;
  /** Of its events, unpacked. */
  eventBytes: number;
}

function decodeItem(bytes: Buffer, partition: number, number: number): Item {
  const mark = bytes.subarray(6, 6 + MARK_BYTES);
  const count = bytes.readUInt16BE(14);
  const namesAt = 16 + 12 * count + 4;
  const keysAt = namesAt + bytes.readUInt32BE(namesAt - 4);
  const entry = LogEntry.decode(unpack(bytes.subarray(namesAt, keysAt)));
  entry.partition = partition;
  entry.number = number;
  for (const [i, sequence] of entry.sequences.entries()) {
    sequence.number = bytes.readUIntBE(16 + 12 * i, 6);
    sequence.streamCreatedMs = bytes.readUIntBE(22 + 12 * i, 6);
  }
  if (entry.control) entry.control.version = number;
  const keys = unpack(bytes.subarray(keysAt));
  const jobIds = Array.from({ length: keys.length / KEY_BYTES }, (_, i) =>
    jobIdOf(keys.subarray(KEY_BYTES * i, KEY_BYTES * (i + 1))),
  );
  return { entry, jobIds, mark, eventBytes: 0 };
}

/** Some entries of a partition, filled with what they name, and which is the last. */
export interface LogPage {
  entries: LogEntry[];
  /** About what each takes, see followedBytes. */
  bytes: number[];
  last: Seen;
}

/** Entries of a partition after a number; undefined when they are kept no longer. */
export async function readLog(
  partition: Partition,
  after: number,
  jobsOf: (jobIds: readonly string[]) => Promise<StoredJob[]>,
): Promise<LogPage | undefined> {
  const [first, ...stored] = await partition.items(LOG, [after, PAGE_ENTRIES, PAGE_BYTES]);
  if (first === undefined) return undefined;
  const items: Item[] = [];
  let jobs = 0;
  for (const bytes of stored) {
    const item = decodeItem(bytesOf(bytes), partition.number, after + 1 + items.length);
    items.push(item);
    jobs += item.jobIds.length;
    if (jobs >= PAGE_JOBS) break;
  }
  await fill(partition, items, jobsOf);
  const last = items.at(-1);
  return {
    entries: items.map(({ entry }) => entry),
    bytes: items.map(({ entry, eventBytes }) => followedBytes(eventBytes, entry.jobs.length)),
    last: { number: last?.entry.number ?? after, mark: last?.mark ?? Buffer.alloc(0) },
  };
}

/** Puts back what the entries name; what is gone by now is left out. */
async function fill(
  partition: Partition,
  items: readonly Item[],
  jobsOf: (jobIds: readonly string[]) => Promise<StoredJob[]>,
): Promise<void> {
  const [jobs] = await Promise.all([
    jobsOf([...new Set(items.flatMap(({ jobIds }) => jobIds))]),
    fillSequences(partition, items),
    fillParts(partition, items),
  ]);
  const byId = new Map(
    jobs.map(({ record, version }): [string, { record: JobRecord | undefined; version: number }] => [
      record?.jobId ?? '',
      { record, version },
    ]),
  );
  for (const { entry, jobIds } of items) {
    entry.jobs = jobIds.flatMap((id) => {
      const job = byId.get(id);
      return job ? [{ ...job }] : [];
    });
  }
}

async function fillSequences(partition: Partition, items: readonly Item[]): Promise<void> {
  const wanted = items.flatMap((item) => item.entry.sequences.map((sequence) => ({ item, sequence })));
  if (wanted.length === 0) return;
  const parameters = wanted.flatMap(({ item, sequence }) => [
    setName(item.entry.queue, sequence.jobSet),
    sequence.number,
  ]);
  const found = await partition.items(SEQUENCES, parameters);
  for (const [i, { item, sequence }] of wanted.entries()) {
    const [createdMs, stored] = listOf(found[i] ?? null);
    if (stored === undefined || Number(createdMs) !== sequence.streamCreatedMs) continue;
    const bytes = unpack(bytesOf(stored).subarray(6));
    sequence.events = decodeEvents(bytes, item.entry.queue, sequence.jobSet);
    item.eventBytes += bytes.length;
  }
  for (const { entry } of items) {
    entry.sequences = entry.sequences.filter(({ events }) => events !== undefined);
  }
}

/** Classes, operations and control records. */
async function fillParts(partition: Partition, items: readonly Item[]): Promise<void> {
  const names = <Name>(of: (entry: LogEntry) => Name[]): Name[] => items.flatMap(({ entry }) => of(entry));
  const [classes, operations, ...controls] = await Promise.all([
    partition.fields(
      ':class',
      names((entry) => entry.classes.map(({ id }) => id)),
    ),
    partition.fields(
      ':operations',
      names((entry) => entry.opened.map(({ id }) => id)),
    ),
    ...items.map(({ entry: { control } }) =>
      partition.fields(`:control:${control?.kind ?? 0}`, control ? [control.name] : []),
    ),
  ]);
  for (const [i, { entry }] of items.entries()) {
    entry.classes = entry.classes.flatMap(({ id }) => {
      const bytes = classes.get(id);
      return bytes ? [SchedulingClass.decode(bytes)] : [];
    });
    entry.opened = entry.opened.flatMap(({ id }) => {
      const bytes = operations.get(id);
      return bytes ? [operationOf(bytes)] : [];
    });
    const { control } = entry;
    const stored = control && controls[i]?.get(control.name);
    if (!stored || !control) continue;
    control.version = stored.readUIntBE(0, 6);
    control.record = Buffer.from(stored.subarray(6));
  }
}

/** A stored operation: the number of the entry that opened it, and the rest. */
export function operationOf(stored: Buffer): Operation {
  return { ...Operation.decode(stored.subarray(6)), openedAtNumber: stored.readUIntBE(0, 6) };
}
