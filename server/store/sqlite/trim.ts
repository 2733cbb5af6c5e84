/**
 * Retention, in steps of a few milliseconds so that no append waits long.
 *
 * What may go is found by age, oldest first. Something that is old and must
 * stay (a stream pinned by a live job, a record whose events are still there)
 * is passed over by a cursor, which starts anew when it reaches the end.
 */
import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import type { DatabaseSync } from 'node:sqlite';
import { logShare } from '../log-share.ts';
import type { Retention } from '../store.ts';
import { prepareBlocks } from './blocks.ts';
import { prepareForgetClass } from './counters.ts';
import { runKey } from '../keys.ts';
import { query } from './schema.ts';

/** Most rows that one step removes of events, and of jobs. */
const MAX_REMOVED = 256;
/** Most rows that it removes of the log: they are small, and at 20 steps a second go faster than any come. */
const MAX_LOG_REMOVED = 2048;
/** Most streams, and jobs, that one step looks at. */
const MAX_EXAMINED = 512;

/** Prepares retention on the write connection; each call is one step, and tells whether more may be waiting. */
export function prepareTrim(db: DatabaseSync): (now: number, retention: Retention) => boolean {
  const jobSets = prepareEmptyJobSets(db);
  const trimLog = prepareTrimLog(db);
  const trimEvents = prepareTrimEvents(db, jobSets);
  const trimRecords = prepareTrimRecords(db, jobSets);
  return (now, { logMs, logBytes, eventsMs, recordsMs }) => {
    const more = [trimLog(now - logMs, logBytes), trimEvents(now - eventsMs), trimRecords(now - recordsMs)];
    return more.includes(true);
  };
}

/** Removes a job set without events and jobs, and its queue when that was deleted. */
function prepareEmptyJobSets(db: DatabaseSync): (n: number) => void {
  const remove = query<{ queue: number; created_ms: number }>(
    db,
    'DELETE FROM job_set WHERE n = ? AND jobs = 0 AND first > last RETURNING queue, created_ms',
  );
  const remember = query(db, "UPDATE meta SET value = max(value, ?) WHERE key = 'removed_stream_ms'");
  const removeQueue = query(
    db,
    'DELETE FROM queue WHERE n = ? AND record IS NULL AND NOT EXISTS (SELECT 1 FROM job_set WHERE queue = ?)',
  );
  return (n) => {
    const removed = remove.get(n);
    if (!removed) return;
    remember.run(removed.created_ms);
    removeQueue.run(removed.queue, removed.queue);
  };
}

function prepareTrimLog(db: DatabaseSync): (until: number, mostBytes: number) => boolean {
  const sizes = query<{ n: number; log_bytes: number }>(db, 'SELECT n, log_bytes FROM partition ORDER BY n');
  const front = query<{ number: number; at_ms: number; bytes: number }>(
    db,
    `SELECT number, at_ms, length(jobs) + length(entry) AS bytes FROM log
     WHERE partition = ? ORDER BY number LIMIT ?`,
  );
  const remove = query(db, 'DELETE FROM log WHERE partition = ? AND number <= ?');
  const forget = query(db, 'UPDATE partition SET log_bytes = log_bytes - ? WHERE n = ?');
  return (until, mostBytes) => {
    let left = MAX_LOG_REMOVED;
    let more = false;
    const partitions = sizes.all();
    const share = logShare(
      partitions.map(({ log_bytes }) => log_bytes),
      mostBytes,
    );
    for (const { n, log_bytes } of partitions) {
      let [last, freed] = [0, 0];
      // From the front up to the first entry that is young enough: clocks may step back, numbers do not.
      for (const { number, at_ms, bytes } of front.iterate(n, left)) {
        if (at_ms > until && log_bytes - freed <= share) break;
        last = number;
        freed += bytes;
        left--;
      }
      if (last === 0) continue;
      remove.run(n, last);
      forget.run(freed, n);
      if (left === 0) return true;
      // A log that is at its bound and grows is looked at again soon.
      if (log_bytes > share) more = true;
    }
    return more;
  };
}

function prepareTrimEvents(db: DatabaseSync, removeIfEmpty: (n: number) => void): (until: number) => boolean {
  const old = query<{ n: number; last: number; oldest_ms: number }>(
    db,
    `SELECT n, last, oldest_ms FROM job_set
     WHERE oldest_ms IS NOT NULL AND oldest_ms <= ?1 AND (oldest_ms, n) > (?2, ?3)
     ORDER BY oldest_ms, n LIMIT ?4`,
  );
  const pinned = query<{ number: number | null }>(
    db,
    'SELECT min(number) AS number FROM submission WHERE stream = ?',
  );
  const front = query<{ number: number; at_ms: number }>(
    db,
    'SELECT number, at_ms FROM event WHERE stream = ? ORDER BY number LIMIT ?',
  );
  const remove = query(db, 'DELETE FROM event WHERE stream = ? AND number < ?');
  const next = query<{ at_ms: number }>(db, 'SELECT at_ms FROM event WHERE stream = ? AND number = ?');
  const save = query(db, 'UPDATE job_set SET first = ?, oldest_ms = ? WHERE n = ?');
  let cursor = { oldestMs: -1, n: 0 };

  return (until) => {
    let removable = MAX_REMOVED;
    const streams = old.all(until, cursor.oldestMs, cursor.n, MAX_EXAMINED);
    for (const stream of streams) {
      const bound = Math.min(pinned.get(stream.n)?.number ?? Infinity, stream.last + 1);
      const rows = front.all(stream.n, removable);
      const kept = rows.find(({ number, at_ms }) => number >= bound || at_ms > until);
      const first = kept?.number ?? (rows.at(-1)?.number ?? stream.last) + 1;
      remove.run(stream.n, first);
      save.run(first, next.get(stream.n, first)?.at_ms ?? null, stream.n);
      removeIfEmpty(stream.n);
      removable -= rows.filter(({ number }) => number < first).length;
      if (removable === 0) return true;
      cursor = { oldestMs: stream.oldest_ms, n: stream.n };
    }
    if (streams.length === MAX_EXAMINED) return true;
    cursor = { oldestMs: -1, n: 0 };
    return false;
  };
}

interface EndedRow {
  id: Uint8Array;
  stream: number;
  ended_ms: number;
  class: number | null;
  record: Uint8Array;
  queue: number;
  kept: number;
}

function prepareTrimRecords(
  db: DatabaseSync,
  removeIfEmpty: (n: number) => void,
): (until: number) => boolean {
  const old = query<EndedRow>(
    db,
    `SELECT j.id, j.stream, j.ended_ms, j.class, j.record, s.queue, j.last >= s.first AS kept
     FROM job j JOIN job_set s ON s.n = j.stream
     WHERE j.ended_ms IS NOT NULL AND j.ended_ms <= ?1 AND (j.ended_ms, j.id) > (?2, ?3)
     ORDER BY j.ended_ms, j.id LIMIT ?4`,
  );
  const removeJob = prepareRemoveJob(db);
  const forget = query(db, 'UPDATE job_set SET jobs = jobs - 1 WHERE n = ?');
  const blocks = prepareBlocks(db);
  let cursor: { endedMs: number; id: Uint8Array } = { endedMs: -1, id: new Uint8Array() };

  return (until) => {
    const rows = old.all(until, cursor.endedMs, cursor.id, MAX_EXAMINED);
    const removed: Uint8Array[] = [];
    for (const row of rows) {
      if (removed.length === MAX_REMOVED) break;
      cursor = { endedMs: row.ended_ms, id: row.id };
      if (row.kept) continue;
      removeJob(row);
      forget.run(row.stream);
      removeIfEmpty(row.stream);
      removed.push(row.id);
    }
    blocks.release(removed);
    if (removed.length === MAX_REMOVED || rows.length === MAX_EXAMINED) return true;
    cursor = { endedMs: -1, id: new Uint8Array() };
    return false;
  };
}

/** Removes a record with its claim, runs and use of its class. */
function prepareRemoveJob(db: DatabaseSync): (row: EndedRow) => void {
  const remove = query(db, 'DELETE FROM job WHERE id = ?');
  const removeClaim = query(db, 'DELETE FROM claim WHERE queue = ? AND client_id = ? AND job = ?');
  const removeRun = query(db, 'DELETE FROM run WHERE id = ?');
  const forgetClass = prepareForgetClass(db);
  return ({ id, record, queue, class: schedulingClass }) => {
    const { clientId, runs } = JobRecord.decode(record);
    if (clientId !== '') removeClaim.run(queue, clientId, id);
    for (const { runId } of runs) {
      const key = runKey(runId);
      if (key) removeRun.run(key);
    }
    if (schedulingClass !== null) forgetClass(schedulingClass);
    remove.run(id);
  };
}
