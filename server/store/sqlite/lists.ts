/**
 * Lists of jobs in bounded pages: by job set and state, or by the address that
 * they have elsewhere. A state is found by its index, the queued ones among the
 * live ones, so that no page costs more because the job set is large.
 */
import { JobState } from '@armada-ts/api/api/job';
import type { DatabaseSync } from 'node:sqlite';
import type { JobSetPart, StoredJob } from '../store.ts';
import { jobKey } from '../../model/job-key.ts';
import { type JobRow, JOB_COLUMNS, storedJobOf } from './records.ts';
import { query } from './schema.ts';

/** States that a record may be in. */
const STATES = Object.values(JobState).filter(
  (state) => state !== JobState.UNKNOWN && state !== JobState.SUBMITTED,
);

/** The reads of store.ts that list jobs. */
export function prepareLists(db: DatabaseSync) {
  const names = query<{ name: string }>(
    db,
    `SELECT s.name FROM queue q JOIN job_set s ON s.queue = q.n
     WHERE q.name = ? AND s.name >= ? AND s.jobs > 0 ORDER BY s.name LIMIT ?`,
  );
  const byUri = query<JobRow>(
    db,
    `SELECT ${JOB_COLUMNS} WHERE q.name = ? AND s.name = ? AND j.uri = ? ORDER BY j.id`,
  );
  return {
    jobSetNames: (queue: string, from: string, limit: number): string[] =>
      names.all(queue, from, limit).map(({ name }) => name),
    jobsOfSet: prepareJobsOfSet(db),
    jobsByExternalUri: (queue: string, jobSet: string, uri: string): StoredJob[] =>
      byUri.all(queue, jobSet, uri).map(storedJobOf),
  };
}

function prepareJobsOfSet(db: DatabaseSync) {
  interface IdRow {
    id: Uint8Array;
  }
  const stream = query<{ n: number }>(
    db,
    'SELECT s.n FROM queue q JOIN job_set s ON s.queue = q.n WHERE q.name = ? AND s.name = ?',
  );
  const queued = query<IdRow>(
    db,
    `SELECT id FROM job INDEXED BY job_live
     WHERE stream = ? AND ended_ms IS NULL AND state = 0 AND id > ? ORDER BY id LIMIT ?`,
  );
  const others = query<IdRow>(
    db,
    `SELECT id FROM job INDEXED BY job_left_queue
     WHERE stream = ? AND state = ? AND state <> 0 AND id > ? ORDER BY id LIMIT ?`,
  );
  const job = query<JobRow>(db, `SELECT ${JOB_COLUMNS} WHERE j.id = ?`);
  return (queue: string, jobSet: string, { states, afterId, limit }: JobSetPart): StoredJob[] => {
    const set = stream.get(queue, jobSet);
    if (!set) return [];
    const after = jobKey(afterId) ?? new Uint8Array();
    const wanted = states.length === 0 ? STATES : new Set(states);
    const ids = [...wanted].flatMap((state) =>
      state === JobState.QUEUED ? queued.all(set.n, after, limit) : others.all(set.n, state, after, limit),
    );
    ids.sort((one, other) => Buffer.compare(one.id, other.id));
    return ids.slice(0, limit).flatMap(({ id }) => {
      const row = job.get(id);
      return row ? [storedJobOf(row)] : [];
    });
  };
}
