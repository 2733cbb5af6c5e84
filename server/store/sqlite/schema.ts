/**
 * The tables of the SQLite store, and how a connection to them is set up.
 *
 * Everything has a small number (`n`) besides its name, because jobs, events
 * and index entries repeat it. Times are milliseconds since the Unix epoch.
 *
 *     partition   head of each log, the bytes of its entries, and the term that seals it
 *     queue       record (none once deleted, while its job sets last), live jobs
 *     executor    records
 *     job_set     place of its stream, counters of live and kept jobs
 *     event       sequences of a stream, without queue and job set names
 *     submission  how many live jobs one sequence submitted: what pins a stream
 *     job         records, without what the other columns tell; their states are indexed
 *                 but for the queued ones, so that a submit pays nothing for it
 *     block       specs of one request (blocks.ts)
 *     class       scheduling classes, by how many kept jobs use them
 *     claim       client ids
 *     run         job of each run
 *     operation   set-wide requests that are not done
 *     log         what each append touched (log.ts)
 *     secret      what the store's servers know each other by
 *     access_keys, keyring   records
 */
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { randomBytes } from 'node:crypto';
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { ArmadaError } from '../../base/errors.ts';
import type { AcknowledgementLevel } from '../store.ts';

/** Raised with every change of the tables that older servers cannot read. */
export const LAYOUT = 3;

const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE partition (
    n INTEGER PRIMARY KEY, head INTEGER NOT NULL, term INTEGER NOT NULL, log_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE queue (
    n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, live INTEGER NOT NULL,
    version INTEGER NOT NULL, record BLOB
  ) STRICT;
  CREATE TABLE executor (name TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
  CREATE TABLE executor_settings (name TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
  CREATE TABLE job_set (
    n INTEGER PRIMARY KEY, queue INTEGER NOT NULL, name TEXT NOT NULL, created_ms INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, oldest_ms INTEGER,
    queued INTEGER NOT NULL, leased INTEGER NOT NULL, jobs INTEGER NOT NULL, active INTEGER NOT NULL,
    UNIQUE (queue, name)
  ) STRICT;
  CREATE INDEX job_set_active ON job_set (queue, name) WHERE active = 1;
  CREATE INDEX job_set_oldest ON job_set (oldest_ms) WHERE oldest_ms IS NOT NULL;
  CREATE TABLE event (
    stream INTEGER NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (stream, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE submission (
    stream INTEGER NOT NULL, number INTEGER NOT NULL, live INTEGER NOT NULL, PRIMARY KEY (stream, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE job (
    id BLOB PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL,
    submitted INTEGER NOT NULL, born INTEGER NOT NULL, last INTEGER NOT NULL, leased INTEGER NOT NULL, ended_ms INTEGER,
    state INTEGER NOT NULL, class INTEGER, runs INTEGER NOT NULL, uri TEXT, record BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX job_live ON job (stream, id) WHERE ended_ms IS NULL;
  CREATE INDEX job_left_queue ON job (stream, state, id) WHERE state <> 0;
  CREATE INDEX job_uri ON job (stream, uri, id) WHERE uri IS NOT NULL;
  CREATE INDEX job_ended ON job (ended_ms, id) WHERE ended_ms IS NOT NULL;
  CREATE TABLE block (id BLOB PRIMARY KEY, jobs INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE class (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, jobs INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE claim (
    queue INTEGER NOT NULL, client_id TEXT NOT NULL, job BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (queue, client_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE run (id BLOB PRIMARY KEY, job BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE operation (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE log (
    partition INTEGER NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    jobs BLOB NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (partition, number)
  ) STRICT, WITHOUT ROWID;
`;

/** Pages in the write-ahead log at which it is folded into the database: 16 MiB. */
const CHECKPOINT_PAGES = 4096;

/** A prepared statement whose parameters and row are known. */
export interface Query<Row, Parameters extends SQLInputValue[] = SQLInputValue[]> {
  get(...parameters: Parameters): Row | undefined;
  all(...parameters: Parameters): Row[];
  iterate(...parameters: Parameters): IterableIterator<Row>;
  run(...parameters: Parameters): { changes: number | bigint; lastInsertRowid: number | bigint };
}

/** Prepares a statement; the row's type is a claim about the SQL, as with any database border. */
export function query<Row = Record<string, SQLOutputValue>>(db: DatabaseSync, sql: string): Query<Row> {
  return db.prepare(sql) as unknown as Query<Row>;
}

/** The same with rows as arrays of their columns: for very many rows, for these cost half as much. */
export function queryArrays<Row extends unknown[]>(db: DatabaseSync, sql: string): Query<Row> {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement as unknown as Query<Row>;
}

/**
 * The connection that writes, to a database that is made if it is not there.
 * `synced` and stronger wait for the disk on every commit; `local` leaves that
 * to the checkpoints, which loses the newest commits on power loss and
 * corrupts nothing. Throws UNAVAILABLE when SQLite does not take the settings.
 */
export function openForWriting(path: string, acknowledgement: AcknowledgementLevel): DatabaseSync {
  const db = new DatabaseSync(path);
  const synchronous = acknowledgement === 'local' ? 1 : 2;
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`);
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -65536;`);
  const settings = settingsOf(db);
  if (settings.journalMode !== 'wal' || settings.synchronous !== synchronous) {
    db.close();
    throw new ArmadaError(
      'UNAVAILABLE',
      `the file system of ${path} cannot keep what is acknowledged: journal mode is ${settings.journalMode}, synchronous ${settings.synchronous}; put the data directory on a local disk`,
    );
  }
  return db;
}

/** What decides whether a commit survives. */
export function settingsOf(db: DatabaseSync): { journalMode: string; synchronous: number } {
  return {
    journalMode: query<{ journal_mode: string }>(db, 'PRAGMA journal_mode').get()?.journal_mode ?? '',
    synchronous: query<{ synchronous: number }>(db, 'PRAGMA synchronous').get()?.synchronous ?? -1,
  };
}

/** A connection for point reads beside the writer. */
export function openForReading(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true });
  db.exec('PRAGMA cache_size = -32768;');
  return db;
}

/** What is fixed when a store is made. */
export interface Fixed {
  partitions: number;
  epochMs: number;
}

/**
 * Makes the tables, or checks that they are ours. Throws UNAVAILABLE for data
 * of a newer server, INVALID_REQUEST for another number of partitions than the
 * store was made with (`wanted`; 16 for a new store when left out).
 */
export function prepareTables(db: DatabaseSync, now: number, wanted: number | undefined): Fixed {
  const made = query<{ name: string }>(db, "SELECT name FROM sqlite_master WHERE name = 'meta'").get();
  if (!made) makeTables(db, now, wanted ?? 16);
  const meta = metaOf(db);
  const layout = meta.get('layout') ?? 0;
  if (layout !== LAYOUT) {
    throw new ArmadaError(
      'UNAVAILABLE',
      `the data directory has layout ${layout} and this server reads layout ${LAYOUT}; start the server version that last wrote it, or a newer one`,
    );
  }
  const partitions = meta.get('partitions') ?? 0;
  if (wanted !== undefined && wanted !== partitions) {
    throw new ArmadaError('INVALID_REQUEST', 'the number of partitions is fixed when a store is made', {
      faults: [
        { field: 'partitions', message: `must be ${partitions}, as in the data directory, got ${wanted}` },
      ],
    });
  }
  return { partitions, epochMs: meta.get('epoch_ms') ?? 0 };
}

const SECRET_BYTES = 32;

/** The table of each kind of control record. */
export const CONTROL_TABLES = {
  [Control_Kind.KIND_QUEUE]: 'queue',
  [Control_Kind.KIND_EXECUTOR]: 'executor',
  [Control_Kind.KIND_EXECUTOR_SETTINGS]: 'executor_settings',
  [Control_Kind.KIND_ACCESS_KEYS]: 'access_keys',
  [Control_Kind.KIND_KEYRING]: 'keyring',
} as const;

export type StoredKind = keyof typeof CONTROL_TABLES;

/** All kinds of control records. */
export const STORED_KINDS = Object.keys(CONTROL_TABLES).map((kind) => Number(kind) as StoredKind);

/** Tables that stores of earlier servers lack; those do not mind them either. */
const ADDED_TABLES = `
  CREATE TABLE IF NOT EXISTS secret (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS access_keys (name TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS keyring (name TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
`;

/** Whether there is a table for this kind; a store that no newer server has opened may have none. */
export function hasTable(db: DatabaseSync, kind: StoredKind): boolean {
  return query(db, 'SELECT 1 FROM sqlite_master WHERE name = ?').get(CONTROL_TABLES[kind]) !== undefined;
}

/** Makes what stores of earlier servers lack: some tables, and the secret of the store. */
export function completeTables(db: DatabaseSync): void {
  db.exec(ADDED_TABLES);
  query(db, 'INSERT INTO secret VALUES (0, ?) ON CONFLICT DO NOTHING').run(randomBytes(SECRET_BYTES));
}

/** The secret of a store that was prepared. */
export function secretOf(db: DatabaseSync): Uint8Array {
  const row = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM secret').get();
  if (!row) throw new TypeError('the store has no secret');
  return row.bytes;
}

function metaOf(db: DatabaseSync): Map<string, number> {
  const rows = query<{ key: string; value: number }>(db, 'SELECT key, value FROM meta').all();
  return new Map(rows.map((row) => [row.key, row.value]));
}

function makeTables(db: DatabaseSync, now: number, partitions: number): void {
  db.exec('BEGIN IMMEDIATE');
  db.exec(TABLES);
  db.exec(ADDED_TABLES);
  const meta = query(db, 'INSERT INTO meta VALUES (?, ?)');
  meta.run('layout', LAYOUT);
  meta.run('partitions', partitions);
  meta.run('epoch_ms', now);
  // The newest creation time of any stream that was removed: see append.ts.
  meta.run('removed_stream_ms', 0);
  const partition = query(db, 'INSERT INTO partition VALUES (?, 0, 0, 0)');
  for (let n = 0; n < partitions; n++) partition.run(n);
  db.exec('COMMIT');
}
