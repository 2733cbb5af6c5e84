/** A SQLite store read whole: see ../copy.ts. */
import { Operation } from '@armada-ts/api/armada/store/v1/store';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ArmadaError } from '../../base/errors.ts';
import {
  type Birth,
  type CopiedControl,
  type CopiedJob,
  type CopiedJobSet,
  type CopiedSequence,
  type Export,
  hundredOf,
  PART_LIMITS,
  type Part,
  type StoreNumbers,
  STREAM_LIMITS,
  type StreamPart,
} from '../copy.ts';
import { inPages } from '../pages.ts';
import { prepareSpecs } from './blocks.ts';
import { lockDirectory } from './lock.ts';
import { prepareReader } from './read.ts';
import { type JobRow, JOB_COLUMNS, storedJobOf } from './records.ts';
import { CONTROL_TABLES, hasTable, openForReading, prepareTables, query, STORED_KINDS } from './schema.ts';

/** Opens the store of a directory that no server is using. Throws UNAVAILABLE when there is none, or when it is in use. */
export function openSqliteExport(directory: string): Export {
  const path = join(directory, 'armada.db');
  if (!existsSync(path)) {
    throw new ArmadaError('UNAVAILABLE', `there is no store in ${directory}: it has no armada.db`);
  }
  const lock = lockDirectory(directory);
  let db: DatabaseSync | undefined;
  try {
    db = openForReading(path);
    const made = query(db, "SELECT 1 FROM sqlite_master WHERE name = 'meta'").get();
    if (!made) throw new ArmadaError('UNAVAILABLE', `there is no store in ${directory}: it is empty`);
    return exportOf(db, { name: `sqlite ${directory}`, lock });
  } catch (error) {
    db?.close();
    lock[Symbol.dispose]();
    if (!(error instanceof Error) || !('errcode' in error)) throw error;
    throw new ArmadaError('UNAVAILABLE', `cannot read ${path}: ${error.message}`, { cause: error });
  }
}

/** Reads a database that nobody writes to meanwhile. @param lock let go of at the end */
export function exportOf(db: DatabaseSync, { name, lock }: { name: string; lock?: Disposable }): Export {
  return {
    name,
    numbers: numbersOf(db),
    read: prepareReader(db),
    async *parts() {
      yield* controlParts(db);
      yield* operationParts(db);
      yield* streamParts(db);
      yield* jobParts(db);
    },
    // Whoever has the lock is alone.
    unchanged: () => Promise.resolve(),
    async close() {
      if (db.isOpen) db.close();
      lock?.[Symbol.dispose]();
    },
  };
}

function numbersOf(db: DatabaseSync): StoreNumbers {
  const { epochMs } = prepareTables(db, 0, undefined);
  const removed = "SELECT value AS removed FROM meta WHERE key = 'removed_stream_ms'";
  const removedStreamMs = query<{ removed: number }>(db, removed).get()?.removed ?? 0;
  const logs = query<{ head: number; term: number }>(db, 'SELECT head, term FROM partition ORDER BY n').all();
  return { epochMs, logs: logs.map(({ head, term }) => ({ head, term, removedStreamMs })) };
}

function* controlParts(db: DatabaseSync): Generator<Part> {
  for (const kind of STORED_KINDS.filter((one) => hasTable(db, one))) {
    const rows = query<Omit<CopiedControl, 'kind'>>(
      db,
      `SELECT name, version, record FROM ${CONTROL_TABLES[kind]} WHERE record IS NOT NULL ORDER BY name`,
    );
    const sizes = { sizeOf: ({ record }: { record: Uint8Array }) => record.length };
    for (const page of inPages(rows.iterate(), PART_LIMITS, sizes)) {
      yield { kind: 'controls', controls: page.map((row) => ({ kind, ...row })) };
    }
  }
}

function* operationParts(db: DatabaseSync): Generator<Part> {
  const rows = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM operation ORDER BY id');
  for (const page of inPages(rows.iterate(), PART_LIMITS, { sizeOf: ({ bytes }) => bytes.length })) {
    yield { kind: 'operations', operations: page.map(({ bytes }) => Operation.decode(bytes)) };
  }
}

interface JobSetRow extends Omit<CopiedJobSet, 'oldestMs'> {
  n: number;
  oldestMs: number | null;
}

function* streamParts(db: DatabaseSync): Generator<StreamPart> {
  const jobSets = query<JobSetRow>(
    db,
    `SELECT s.n, q.name AS queue, s.name, s.created_ms AS streamCreatedMs, s.first AS firstNumber,
       s.last AS lastNumber, s.oldest_ms AS oldestMs, s.queued, s.leased, s.jobs
     FROM job_set s JOIN queue q ON q.n = s.queue ORDER BY s.n`,
  );
  const births = query<Birth>(
    db,
    'SELECT number, live FROM submission WHERE stream = ? AND live > 0 ORDER BY number',
  );
  const sequences = query<CopiedSequence>(
    db,
    'SELECT number, at_ms AS atMs, bytes FROM event WHERE stream = ? ORDER BY number',
  );
  for (const { n, oldestMs, ...row } of jobSets.iterate()) {
    const jobSet = { ...row, oldestMs: oldestMs ?? undefined };
    const part = { kind: 'stream' as const, jobSet, births: [], sequences: [] };
    const born = inPages(births.iterate(n), STREAM_LIMITS, { sizeOf: () => 0 });
    // Nearly always there is one page: it comes with the job set itself.
    yield { ...part, isFirst: true, births: born.next().value ?? [] };
    for (const page of born) yield { ...part, isFirst: false, births: page };
    const stream = inPages(sequences.iterate(n), STREAM_LIMITS, { sizeOf: ({ bytes }) => bytes.length });
    for (const page of stream) yield { ...part, isFirst: false, sequences: page };
  }
}

interface CopiedRow extends JobRow {
  born: number;
  last: number;
  queueNumber: number;
  classBytes: Uint8Array | null;
}

function* jobParts(db: DatabaseSync): Generator<Part> {
  const rows = query<CopiedRow>(
    db,
    `SELECT j.born, j.last, s.queue AS queueNumber, c.bytes AS classBytes, ${JOB_COLUMNS} ORDER BY j.id`,
  );
  const claim = query<{ hash: Uint8Array }>(db, 'SELECT hash FROM claim WHERE queue = ? AND client_id = ?');
  const spec = prepareSpecs(db);
  function* jobs(): Generator<CopiedJob> {
    for (const row of rows.iterate()) {
      const { record, version, submittedNumber = 0 } = storedJobOf(row);
      if (!record) continue;
      const { jobId, clientId } = record;
      const claimed = clientId === '' ? undefined : claim.get(row.queueNumber, clientId);
      yield {
        record,
        version,
        submittedNumber,
        born: row.born,
        last: row.last,
        spec: spec(jobId, row.id) ?? new Uint8Array(),
        claimHash: claimed?.hash ?? new Uint8Array(),
        schedulingClass: row.classBytes ?? undefined,
      };
    }
  }
  const pages = inPages(jobs(), PART_LIMITS, {
    sizeOf: ({ spec: { length } }) => length,
    groupOf: ({ record }) => hundredOf(record.jobId),
  });
  for (const page of pages) yield { kind: 'jobs', jobs: page };
}
