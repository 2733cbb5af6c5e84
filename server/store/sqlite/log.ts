/**
 * The partition log as it is stored: what each entry touched, by name only. The
 * events, records and control records themselves are read from their tables,
 * as they are now, when a follower asks: it skips what it has seen by version.
 */
import {
  type Control_Kind,
  LogEntry,
  Operation,
  SchedulingClass,
} from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { encodeNames, eventsOf } from '../entries.ts';
import { pack, unpack } from '../pack.ts';
import type { Positions } from '../store.ts';
import { MAX_ITEM_ENTRIES } from '../tail.ts';
import { type JobRow, JOB_COLUMNS, storedJobOf } from './records.ts';
import { CONTROL_TABLES, hasTable, query, STORED_KINDS, type StoredKind } from './schema.ts';

const KEY_BYTES = 16;

/** The newest place of a partition's log, and the term that seals it. */
interface Head {
  head: number;
  term: number;
  /** Bytes of entries since it was read. */
  bytes: number;
}

/**
 * Puts entries into the log, each as the newest of its partition. Where the
 * partitions are is noted as entries are put, and written once for all of a
 * transaction, before anything else is done in it.
 */
export interface LogWriter {
  headOf: (partition: number) => Readonly<Head>;
  put: (entry: LogEntry, jobKeys: readonly Uint8Array[], at: { now: number; term: number }) => void;
  save: () => void;
  /** Forgets what was noted, where the transaction is undone. */
  discard: () => void;
}

/** Prepares it on the write connection. */
export function prepareLogWriter(db: DatabaseSync): LogWriter {
  const find = query<{ head: number; term: number }>(db, 'SELECT head, term FROM partition WHERE n = ?');
  const insert = query(db, 'INSERT INTO log (partition, number, at_ms, jobs, entry) VALUES (?, ?, ?, ?, ?)');
  const move = query(db, 'UPDATE partition SET head = ?, term = ?, log_bytes = log_bytes + ? WHERE n = ?');
  const heads = new Map<number, Head>();

  function headOf(partition: number): Head {
    let head = heads.get(partition);
    if (!head) {
      const row = find.get(partition);
      assert(row, `partition ${partition} is not there`);
      head = { head: row.head, term: row.term, bytes: 0 };
      heads.set(partition, head);
    }
    return head;
  }

  return {
    headOf,
    put(entry, jobKeys, { now, term }) {
      const { partition, number } = entry;
      const [only] = jobKeys;
      const jobs = pack(only && jobKeys.length === 1 ? only : Buffer.concat(jobKeys));
      const names = encodeNames(entry);
      insert.run(partition, number, now, jobs, names);
      const head = headOf(partition);
      head.head = number;
      head.term = term;
      head.bytes += jobs.length + names.length;
    },
    save() {
      for (const [n, { head, term, bytes }] of heads) if (bytes > 0) move.run(head, term, bytes, n);
      heads.clear();
    },
    discard: () => heads.clear(),
  };
}

/** Reads entries of one partition. */
export interface LogReader {
  /** Number of the oldest entry that is kept; one past the head when there is none. */
  first: (partition: number) => number;
  /** Entries after `number`, in order, read one by one; 256 at most. */
  after: (partition: number, number: number) => Iterable<LogEntry>;
}

interface LogRow {
  jobs: Uint8Array;
  entry: Uint8Array;
}

/** Statements that read the log, on the connection of the main thread. */
export function prepareLog(db: DatabaseSync): LogReader {
  const first = query<{ first: number }>(
    db,
    `SELECT coalesce(min(number), (SELECT head + 1 FROM partition WHERE n = ?)) AS first
     FROM log WHERE partition = ?`,
  );
  const after = query<LogRow>(
    db,
    'SELECT jobs, entry FROM log WHERE partition = ? AND number > ? ORDER BY number LIMIT 256',
  );
  const fill = prepareFill(db);
  return {
    first: (partition) => first.get(partition, partition)?.first ?? 0,
    *after(partition, number) {
      for (const row of after.iterate(partition, number)) yield fill(row);
    },
  };
}

/** Puts back what the entry names; what is gone by now is left out. */
function prepareFill(db: DatabaseSync): (row: LogRow) => LogEntry {
  const job = query<JobRow>(db, `SELECT ${JOB_COLUMNS} WHERE j.id = ?`);
  const event = query<{ bytes: Uint8Array }>(
    db,
    `SELECT e.bytes FROM queue q JOIN job_set s ON s.queue = q.n JOIN event e ON e.stream = s.n
     WHERE q.name = ? AND s.name = ? AND s.created_ms = ? AND e.number = ?`,
  );
  const schedulingClass = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM class WHERE id = ?');
  const operation = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM operation WHERE id = ?');
  const control = prepareControlRecord(db);
  return (row) => {
    const entry = LogEntry.decode(unpack(row.entry));
    const keys = unpack(row.jobs);
    for (let at = 0; at < keys.length; at += KEY_BYTES) {
      const found = job.get(keys.subarray(at, at + KEY_BYTES));
      if (!found) continue;
      const { record, version } = storedJobOf(found);
      entry.jobs.push({ record, version });
    }
    entry.sequences = entry.sequences.flatMap((sequence) => {
      const found = event.get(entry.queue, sequence.jobSet, sequence.streamCreatedMs, sequence.number);
      return found ? [{ ...sequence, events: eventsOf(found.bytes, entry.queue, sequence.jobSet) }] : [];
    });
    entry.classes = entry.classes.flatMap(({ id }) => {
      const found = schedulingClass.get(id);
      return found ? [SchedulingClass.decode(found.bytes)] : [];
    });
    entry.opened = entry.opened.flatMap(({ id }) => {
      const found = operation.get(id);
      return found ? [Operation.decode(found.bytes)] : [];
    });
    if (entry.control)
      entry.control = { ...entry.control, ...control(entry.control.kind, entry.control.name) };
    return entry;
  };
}

/** The record of a control entry as it is now; nothing when it is deleted. */
function prepareControlRecord(db: DatabaseSync) {
  const select = (kind: StoredKind) =>
    query<{ version: number; record: Uint8Array | null }>(
      db,
      `SELECT version, record FROM ${CONTROL_TABLES[kind]} WHERE name = ?`,
    );
  const records = new Map<Control_Kind, ReturnType<typeof select>>(
    STORED_KINDS.filter((kind) => hasTable(db, kind)).map((kind) => [kind, select(kind)]),
  );
  return (kind: Control_Kind, name: string): { version: number; record: Buffer } | undefined => {
    const row = records.get(kind)?.get(name);
    return row?.record ? { version: row.version, record: Buffer.from(row.record) } : undefined;
  };
}

/** Jobs that one page of the log table holds at most, or one entry: about 20 ms. */
const MAX_PAGE_JOBS = 2000;

/** The next page of the log table, of one or more partitions; undefined when what follows is kept no longer. */
export function readPage(log: LogReader, heads: Positions, positions: Positions): LogEntry[] | undefined {
  const entries: LogEntry[] = [];
  let jobs = 0;
  for (const [partition, head] of heads.entries()) {
    const position = positions[partition] ?? 0;
    if (position >= head) continue;
    if (log.first(partition) > position + 1) return undefined;
    for (const entry of log.after(partition, position)) {
      entries.push(entry);
      jobs += entry.jobs.length;
      if (jobs >= MAX_PAGE_JOBS || entries.length >= MAX_ITEM_ENTRIES) return entries;
    }
  }
  return entries;
}
