/**
 * Queues, executors, keys: records that are no jobs, each change of
 * which is an entry in the log of its partition. And terms, which seal the partitions.
 */
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { partitionOfSlot, slotOfQueue } from '../../model/ids.ts';
import type { ControlChange, Lead, StoredControl } from '../store.ts';
import { controlEntry } from '../entries.ts';
import type { LogWriter } from './log.ts';
import { CONTROL_TABLES, type Fixed, query, type StoredKind } from './schema.ts';

export type ControlOutcome =
  | { outcome: 'applied'; partition: number; number: number }
  | { outcome: 'stale'; current: StoredControl | undefined }
  | { outcome: 'not-empty'; liveJobs: number };

interface ControlRow {
  version: number;
  record: Uint8Array | null;
  live: number;
}

/** Prepares the transaction on the write connection. */
export function prepareControl(db: DatabaseSync, fixed: Fixed, log: LogWriter) {
  const tables = {
    [Control_Kind.KIND_QUEUE]: prepareQueues(db),
    [Control_Kind.KIND_EXECUTOR]: prepareRecords(db, Control_Kind.KIND_EXECUTOR),
    [Control_Kind.KIND_EXECUTOR_SETTINGS]: prepareRecords(db, Control_Kind.KIND_EXECUTOR_SETTINGS),
    [Control_Kind.KIND_ACCESS_KEYS]: prepareRecords(db, Control_Kind.KIND_ACCESS_KEYS),
    [Control_Kind.KIND_KEYRING]: prepareRecords(db, Control_Kind.KIND_KEYRING),
  };

  return function change(change: ControlChange, now: number): ControlOutcome {
    const { kind, name, expectedVersion, record } = change;
    assert(kind !== Control_Kind.KIND_UNSPECIFIED, 'a control change says what it changes');
    const table = tables[kind];
    const row = table.find(name);
    const present = row?.record ? { name, record: row.record, version: row.version } : undefined;
    if (expectedVersion !== undefined && expectedVersion !== (present?.version ?? 0)) {
      return { outcome: 'stale', current: present };
    }
    if (!record && row && row.live > 0) return { outcome: 'not-empty', liveJobs: row.live };

    const partition = partitionOfSlot(slotOfQueue(name), fixed.partitions);
    const { head, term } = log.headOf(partition);
    const number = head + 1;
    table.write(name, number, record);
    log.put(controlEntry(partition, number, change), [], { now, term });
    return { outcome: 'applied', partition, number };
  };
}

function prepareQueues(db: DatabaseSync) {
  const find = query<ControlRow>(db, 'SELECT version, record, live FROM queue WHERE name = ?');
  const write = query(
    db,
    `INSERT INTO queue (name, live, version, record) VALUES (?, 0, ?, ?)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, record = excluded.record`,
  );
  return {
    find: (name: string) => find.get(name),
    /** A deleted queue keeps its number, for the streams it leaves behind. */
    write: (name: string, version: number, record: Uint8Array | null) => write.run(name, version, record),
  };
}

/** Records in which nothing lives. */
function prepareRecords(db: DatabaseSync, kind: StoredKind) {
  const table = CONTROL_TABLES[kind];
  const find = query<ControlRow>(db, `SELECT version, record, 0 AS live FROM ${table} WHERE name = ?`);
  const write = query(db, `INSERT OR REPLACE INTO ${table} (name, version, record) VALUES (?, ?, ?)`);
  const remove = query(db, `DELETE FROM ${table} WHERE name = ?`);
  return {
    find: (name: string) => find.get(name),
    write: (name: string, version: number, record: Uint8Array | null) =>
      record ? write.run(name, version, record) : remove.run(name),
  };
}

/** Takes the next term and seals every partition with it, unless the last is another than `after`. */
export function prepareLead(db: DatabaseSync): (after: number) => Lead | undefined {
  const seal = query(db, 'UPDATE partition SET term = ?');
  const partitions = query<{ head: number; term: number }>(db, 'SELECT head, term FROM partition ORDER BY n');
  return (after) => {
    const rows = partitions.all();
    if (after !== Math.max(...rows.map(({ term }) => term))) return undefined;
    seal.run(after + 1);
    return { term: after + 1, heads: rows.map(({ head }) => head) };
  };
}
