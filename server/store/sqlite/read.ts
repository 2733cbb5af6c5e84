/**
 * Reading: points and bounded pages, on a connection of the main thread. It
 * sees every commit, and an append resolves only after its commit.
 */
import { Queue } from '@armada-ts/api/api/queue';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { ExecutorRecord, ExecutorSettings } from '@armada-ts/api/armada/store/v1/store';
import type { DatabaseSync } from 'node:sqlite';
import { ArmadaError } from '../../base/errors.ts';
import type {
  Claim,
  JobSetInfo,
  KeyKind,
  StoredControl,
  StoredJob,
  StoredQueue,
  StoredSequence,
  StoreReader,
} from '../store.ts';
import { prepareActive } from './active.ts';
import { prepareSpecs } from './blocks.ts';
import { jobIdOf, jobKey } from '../../model/job-key.ts';
import { runKey } from '../keys.ts';
import { keepQueues } from './kept-queues.ts';
import { prepareLists } from './lists.ts';
import { eventsOf } from '../entries.ts';
import { type JobRow, JOB_COLUMNS, storedJobOf } from './records.ts';
import { CONTROL_TABLES, query } from './schema.ts';

/** All reads but the log's. Each fails with UNAVAILABLE when SQLite does. */
export interface Reading extends StoreReader {
  /** The queue may be another from now on: to be called before anybody is told so. */
  forgetQueue: (name: string) => void;
}

export function prepareReader(db: DatabaseSync): Reading {
  const reader = {
    ...prepareJobs(db),
    ...prepareControlReads(db),
    ...prepareJobSetReads(db),
    ...prepareLists(db),
    active: prepareActive(db),
  };
  const queues = keepQueues(reader.queue);
  return {
    jobs: guard(reader.jobs),
    jobsOfRuns: guard(reader.jobsOfRuns),
    specs: guard(reader.specs),
    encodedSpecs: guard(reader.encodedSpecs),
    claims: guard(reader.claims),
    queue: guard(queues.get),
    forgetQueue: queues.forget,
    queues: guard(reader.queues),
    executors: guard(reader.executors),
    executorSettings: guard(reader.executorSettings),
    controls: guard(reader.controls),
    jobSet: guard(reader.jobSet),
    activeQueues: guard(reader.activeQueues),
    activeJobSets: guard(reader.activeJobSets),
    stream: guard(reader.stream),
    liveJobIds: guard(reader.liveJobIds),
    jobSetNames: guard(reader.jobSetNames),
    jobsOfSet: guard(reader.jobsOfSet),
    jobsByExternalUri: guard(reader.jobsByExternalUri),
    active: guard(reader.active),
  };
}

/** Makes a synchronous read a promise, and a failure of SQLite a refusal that says so. */
export function guard<Parameters extends unknown[], Value>(
  read: (...parameters: Parameters) => Value,
): (...parameters: Parameters) => Promise<Value> {
  return async (...parameters) => {
    try {
      return read(...parameters);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      if (error.code !== 'ERR_SQLITE_ERROR' && error.code !== 'ERR_INVALID_STATE') throw error;
      throw new ArmadaError('UNAVAILABLE', `the store could not read: ${error.message}`, { cause: error });
    }
  };
}

function prepareJobs(db: DatabaseSync) {
  const job = query<JobRow>(db, `SELECT ${JOB_COLUMNS} WHERE j.id = ?`);
  const jobOfRun = query<JobRow>(db, `SELECT ${JOB_COLUMNS} JOIN run r ON r.job = j.id WHERE r.id = ?`);
  const exists = query(db, 'SELECT 1 FROM job WHERE id = ?');
  const spec = prepareSpecs(db);
  const claim = query<{ job: Uint8Array; hash: Uint8Array }>(
    db,
    'SELECT c.job, c.hash FROM queue q JOIN claim c ON c.queue = q.n WHERE q.name = ? AND c.client_id = ?',
  );
  const encodedSpecs = (jobIds: readonly string[]): Map<string, Uint8Array> => {
    const found = new Map<string, Uint8Array>();
    for (const jobId of jobIds) {
      const key = jobKey(jobId);
      // A block outlives single jobs of it.
      const bytes = key && exists.get(key) && spec(jobId, key);
      if (bytes) found.set(jobId, bytes);
    }
    return found;
  };
  return {
    jobs: (jobIds: readonly string[]): StoredJob[] => {
      return jobIds.flatMap((jobId) => {
        const key = jobKey(jobId);
        const row = key && job.get(key);
        return row ? [storedJobOf(row)] : [];
      });
    },
    jobsOfRuns: (runIds: readonly string[]): Map<string, StoredJob> => {
      const found = new Map<string, StoredJob>();
      for (const runId of runIds) {
        const key = runKey(runId);
        const row = key && jobOfRun.get(key);
        if (row) found.set(runId, storedJobOf(row));
      }
      return found;
    },
    specs: (jobIds: readonly string[]): Map<string, SubmitJob> => {
      return new Map(Array.from(encodedSpecs(jobIds), ([jobId, bytes]) => [jobId, SubmitJob.decode(bytes)]));
    },
    encodedSpecs,
    claims: (queue: string, clientIds: readonly string[]): Claim[] => {
      return clientIds.flatMap((clientId) => {
        const row = claim.get(queue, clientId);
        return row ? [{ clientId, jobId: jobIdOf(row.job), hash: row.hash }] : [];
      });
    },
  };
}

function prepareControlReads(db: DatabaseSync) {
  interface QueueRow {
    version: number;
    record: Uint8Array;
  }
  const stored = (row: QueueRow): StoredQueue => ({ queue: Queue.decode(row.record), version: row.version });
  const queue = query<QueueRow>(
    db,
    'SELECT version, record FROM queue WHERE name = ? AND record IS NOT NULL',
  );
  const queues = query<QueueRow>(
    db,
    'SELECT version, record FROM queue WHERE record IS NOT NULL ORDER BY name',
  );
  const activeQueues = query<{ name: string }>(db, 'SELECT name FROM queue WHERE live > 0 ORDER BY name');
  const executors = query<{ record: Uint8Array }>(db, 'SELECT record FROM executor ORDER BY name');
  const settings = query<{ record: Uint8Array }>(db, 'SELECT record FROM executor_settings ORDER BY name');
  return {
    queue: (name: string): StoredQueue | undefined => {
      const row = queue.get(name);
      return row && stored(row);
    },
    queues: (): StoredQueue[] => queues.all().map(stored),
    activeQueues: (): string[] => activeQueues.all().map(({ name }) => name),
    executors: (): ExecutorRecord[] => executors.all().map(({ record }) => ExecutorRecord.decode(record)),
    executorSettings: (): ExecutorSettings[] =>
      settings.all().map(({ record }) => ExecutorSettings.decode(record)),
    controls: (kind: KeyKind): StoredControl[] =>
      query<StoredControl>(
        db,
        `SELECT name, version, record FROM ${CONTROL_TABLES[kind]} ORDER BY name`,
      ).all(),
  };
}

function prepareJobSetReads(db: DatabaseSync) {
  const columns = `q.name AS queue, s.name AS jobSet, s.created_ms AS streamCreatedMs,
    s.last AS lastNumber, s.first AS firstNumber, s.queued, s.leased
    FROM queue q JOIN job_set s ON s.queue = q.n`;
  const jobSet = query<JobSetInfo>(db, `SELECT ${columns} WHERE q.name = ? AND s.name = ?`);
  const activeJobSets = query<JobSetInfo>(
    db,
    `SELECT ${columns} WHERE q.name = ? AND s.active = 1 ORDER BY s.name`,
  );
  const stream = query<{ number: number; created_ms: number; bytes: Uint8Array }>(
    db,
    `SELECT e.number, s.created_ms, e.bytes
     FROM queue q JOIN job_set s ON s.queue = q.n JOIN event e ON e.stream = s.n
     WHERE q.name = ? AND s.name = ? AND e.number > ? ORDER BY e.number`,
  );
  const liveJobIds = query<{ id: Uint8Array }>(
    db,
    `SELECT j.id FROM queue q JOIN job_set s ON s.queue = q.n JOIN job j ON j.stream = s.n
     WHERE q.name = ? AND s.name = ? AND j.ended_ms IS NULL AND j.id > ? ORDER BY j.id LIMIT ?`,
  );
  return {
    jobSet: (queue: string, name: string): JobSetInfo | undefined => {
      const row = jobSet.get(queue, name);
      return row && { ...row };
    },
    activeJobSets: (queue: string): JobSetInfo[] => activeJobSets.all(queue).map((row) => ({ ...row })),
    stream: (queue: string, name: string, after: number, maxBytes: number): StoredSequence[] => {
      const sequences: StoredSequence[] = [];
      let bytes = 0;
      for (const row of stream.iterate(queue, name, after)) {
        bytes += row.bytes.length;
        if (sequences.length > 0 && bytes > maxBytes) break;
        const { number, created_ms: streamCreatedMs } = row;
        sequences.push({ jobSet: name, number, streamCreatedMs, events: eventsOf(row.bytes, queue, name) });
      }
      return sequences;
    },
    liveJobIds: (queue: string, name: string, afterId: string, limit: number): string[] => {
      const after = jobKey(afterId) ?? new Uint8Array();
      return liveJobIds.all(queue, name, after, limit).map(({ id }) => jobIdOf(id));
    },
  };
}
