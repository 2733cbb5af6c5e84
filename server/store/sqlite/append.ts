/**
 * The one transaction that matters: a batch becomes events, records, claims,
 * counters and a log entry, or changes nothing. Read it from the top: `apply`
 * checks in the order in which answers win, then writes.
 *
 * Called by the writer thread inside a transaction that a throw here (a batch that
 * breaks the port's rules, or the disk) undoes.
 */
import { JobState } from '@armada-ts/api/api/job';
import { LogEntry, Operation } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { isTerminal } from '../../model/job.ts';
import { partitionOfSlot, slotOfQueue } from '../../model/ids.ts';
import type { Claim } from '../store.ts';
import { type KeyedSpec, prepareBlocks } from './blocks.ts';
import { encodeMessage } from '../../model/encode.ts';
import { type Counters, createCounters } from './counters.ts';
import { jobIdOf, jobKey } from '../../model/job-key.ts';
import { runKey } from '../keys.ts';
import type { EncodedBatch, EncodedRecord } from '../encoded-batch.ts';
import type { SequencePlace } from '../entries.ts';
import { pack } from '../pack.ts';
import type { LogWriter } from './log.ts';
import { type JobRow, JOB_COLUMNS } from './records.ts';
import { type Fixed, query } from './schema.ts';

/** What became of a batch, in what may cross threads: the main thread has the batch and fills in the rest. */
export type BatchOutcome =
  | { outcome: 'applied'; partition: number; number: number; sequences: SequencePlace[] }
  | { outcome: 'repeated' | 'no-queue' }
  /** Rows of the changed jobs that are there, as they are now. */
  | { outcome: 'stale'; rows: JobRow[] }
  | { outcome: 'claimed'; claims: Claim[] }
  | { outcome: 'sealed'; term: number };

/** A changed job with its row before the change. */
interface Change {
  record: EncodedRecord;
  key: Uint8Array;
  before: Before;
}

interface Before {
  stream: number;
  version: number;
  born: number;
  last: number;
  leased: number;
  ended_ms: number | null;
  state: number;
  class: number | null;
  runs: number;
}

/** A job to create, with its key. */
interface Creation extends KeyedSpec {
  record: EncodedRecord;
  claimHash: Uint8Array;
}

/** Appending, on the write connection. */
export interface Appending {
  apply: (batch: EncodedBatch, now: number) => BatchOutcome;
  /** Writes the counters that all batches have moved together: before the transaction is committed, and before anything else is done in it. */
  save: () => void;
  /** Forgets them, where the transaction is undone. */
  discard: () => void;
}

/** Prepares the transaction on the write connection. */
export function prepareAppend(db: DatabaseSync, fixed: Fixed, log: LogWriter): Appending {
  const check = prepareChecks(db);
  const write = prepareWrites(db);
  const blocks = prepareBlocks(db);
  const counters = createCounters(db, fixed);

  function apply(batch: EncodedBatch, now: number): BatchOutcome {
    const partition = partitionOfSlot(slotOfQueue(batch.queue), fixed.partitions);
    const { head, term } = log.headOf(partition);
    if (batch.term !== undefined && batch.term < term) return { outcome: 'sealed', term };
    const creations = batch.submitted.map(creationOf);
    if (creations[0] && check.exists(creations[0].key)) return { outcome: 'repeated' };
    if (creations.length > 0) {
      const queue = counters.queue(batch.queue);
      if (queue === undefined) return { outcome: 'no-queue' };
      const claims = check.claims(queue, creations);
      if (claims.length > 0) return { outcome: 'claimed', claims };
    }
    const changes = check.changes(batch);
    if (!changes) return { outcome: 'stale', rows: check.current(batch) };

    const number = head + 1;
    const counts = counters.open(batch.queue, now);
    const entry = { ...LogEntry.create(), partition, number, queue: batch.queue };
    entry.sequences = batch.sequences.map(({ jobSet, bytes }) => {
      const stream = counts.jobSet(jobSet).append();
      write.event(stream.n, stream.last, now, pack(bytes));
      return { jobSet, number: stream.last, streamCreatedMs: stream.createdMs, events: undefined };
    });
    for (const schedulingClass of batch.classes) counts.offerClass(schedulingClass);
    for (const creation of creations) write.creation(creation, number, counts);
    blocks.add(creations);
    for (const change of changes) write.change(change, number, counts);
    for (const operation of batch.opened) write.operation({ ...operation, openedAtNumber: number });
    for (const id of batch.closed) write.closeOperation(id);
    entry.classes = batch.classes;
    entry.opened = batch.opened;
    entry.closed = batch.closed;
    const keys = [...creations, ...changes].map(({ key }) => key);
    log.put(entry, keys, { now, term: batch.term ?? term });
    return { outcome: 'applied', partition, number, sequences: entry.sequences };
  }

  return { apply, save: counters.save, discard: counters.discard };
}

function creationOf({ record, spec, claimHash }: EncodedBatch['submitted'][number]): Creation {
  const key = jobKey(record.jobId);
  assert(key, `"${record.jobId}" is not a job id`);
  return { jobId: record.jobId, key, record, spec, claimHash };
}

/** Everything that is asked before anything is written. */
function prepareChecks(db: DatabaseSync) {
  const exists = query(db, 'SELECT 1 FROM job WHERE id = ?');
  const claim = query<{ job: Uint8Array; hash: Uint8Array }>(
    db,
    'SELECT job, hash FROM claim WHERE queue = ? AND client_id = ?',
  );
  const before = query<Before>(
    db,
    'SELECT stream, version, born, last, leased, ended_ms, state, class, runs FROM job WHERE id = ?',
  );
  const current = query<JobRow>(db, `SELECT ${JOB_COLUMNS} WHERE j.id = ?`);
  return {
    exists: (key: Uint8Array): boolean => exists.get(key) !== undefined,
    claims(queue: number, creations: readonly Creation[]): Claim[] {
      const taken: Claim[] = [];
      for (const { record } of creations) {
        if (record.clientId === '') continue;
        const row = claim.get(queue, record.clientId);
        if (row) taken.push({ clientId: record.clientId, jobId: jobIdOf(row.job), hash: row.hash });
      }
      return taken;
    },
    /** The changed jobs with their rows, unless one is not at its expected version. */
    changes(batch: EncodedBatch): Change[] | undefined {
      const changes: Change[] = [];
      for (const { record, expectedVersion } of batch.changed) {
        const key = jobKey(record.jobId);
        const row = key && before.get(key);
        if (!row || row.version !== expectedVersion) return undefined;
        changes.push({ record, key, before: row });
      }
      return changes;
    },
    /** Rows of the jobs that are not at their expected version. */
    current(batch: EncodedBatch): JobRow[] {
      return batch.changed.flatMap(({ record, expectedVersion }) => {
        const key = jobKey(record.jobId);
        const row = key && current.get(key);
        return row && row.version !== expectedVersion ? [row] : [];
      });
    },
  };
}

/** Everything an applied batch writes, but for what counters.ts and blocks.ts keep. */
function prepareWrites(db: DatabaseSync) {
  const event = query(db, 'INSERT INTO event (stream, number, at_ms, bytes) VALUES (?, ?, ?, ?)');
  const create = query(
    db,
    `INSERT INTO job (id, stream, version, submitted, born, last, leased, ended_ms, state, class, runs, uri, record)
     VALUES (?1, ?2, ?3, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
  );
  // Three statements, so that no index is touched by a change that leaves its columns as they are.
  const change = query(
    db,
    'UPDATE job SET version = ?, last = ?, leased = ?, class = ?, runs = ?, record = ? WHERE id = ?',
  );
  const end = query(db, 'UPDATE job SET ended_ms = ? WHERE id = ?');
  const move = query(db, 'UPDATE job SET state = ? WHERE id = ?');
  const claim = query(db, 'INSERT INTO claim (queue, client_id, job, hash) VALUES (?, ?, ?, ?)');
  const run = query(db, 'INSERT INTO run (id, job) VALUES (?, ?)');
  const operation = query(db, 'INSERT OR REPLACE INTO operation (id, bytes) VALUES (?, ?)');
  const closeOperation = query(db, 'DELETE FROM operation WHERE id = ?');

  function runs({ runIds }: EncodedRecord, from: number, key: Uint8Array): void {
    for (const runId of runIds.slice(from)) {
      const id = runKey(runId);
      assert(id, `"${runId}" is not a run id`);
      run.run(id, key);
    }
  }

  return {
    event: (stream: number, number: number, now: number, bytes: Uint8Array) =>
      event.run(stream, number, now, bytes),
    creation({ key, record, claimHash }: Creation, version: number, counts: Counters): void {
      const jobSet = counts.jobSet(record.jobSet);
      const ended = endedMs(record);
      const leased = isLeased(record) ? 1 : 0;
      const schedulingClass = counts.moveClass(null, record.schedulingClass);
      const { n, appended } = jobSet;
      const { state, runIds, externalJobUri, bytes } = record;
      const counted = [leased, ended, state, schedulingClass, runIds.length] as const;
      create.run(key, n, version, appended, ...counted, externalJobUri || null, bytes);
      jobSet.jobs++;
      if (ended === null) jobSet.enter(appended, leased);
      if (record.clientId !== '') claim.run(counts.queue, record.clientId, key, claimHash);
      runs(record, 0, key);
    },
    change({ key, record, before }: Change, version: number, counts: Counters): void {
      const jobSet = counts.jobSet(record.jobSet);
      assert.equal(jobSet.n, before.stream, `job ${record.jobId} must stay in its job set`);
      const ended = endedMs(record);
      const leased = isLeased(record) ? 1 : 0;
      const schedulingClass = counts.moveClass(before.class, record.schedulingClass);
      const last = jobSet.appended || before.last;
      change.run(version, last, leased, schedulingClass, record.runIds.length, record.bytes, key);
      if (ended !== before.ended_ms) end.run(ended, key);
      if (record.state !== before.state) move.run(record.state, key);
      if (before.ended_ms === null) jobSet.leave(before.born, before.leased);
      if (ended === null) jobSet.enter(before.born, leased);
      runs(record, before.runs, key);
    },
    operation: (opened: Operation) => operation.run(opened.id, encodeMessage(Operation, opened)),
    closeOperation: (id: string) => closeOperation.run(id),
  };
}

/** When the job ended, for the column; null while it lives. */
export function endedMs({ endedAtMs }: { endedAtMs?: number | undefined }): number | null {
  return endedAtMs === undefined ? null : Math.floor(endedAtMs);
}

/** Whether a live job has a run. */
export function isLeased({ state }: Pick<EncodedRecord, 'state'>): boolean {
  const waiting = state === JobState.QUEUED || state === JobState.SUBMITTED;
  return !waiting && !isTerminal(state);
}
