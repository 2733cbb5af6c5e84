/**
 * Job records in their rows. What other columns tell (ids, names, the class) is
 * not repeated in the record's bytes, which encoded-batch.ts cuts out: a job then
 * takes about half the room.
 */
import { JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { jobIdOf } from '../../model/job-key.ts';

/** A job with the names its row refers to. */
export interface JobRow {
  id: Uint8Array;
  stream: number;
  version: number;
  /** Number of the log entry that made the job. */
  submitted: number;
  record: Uint8Array;
  jobSet: string;
  queue: string;
  class: string | null;
  uri: string | null;
}

/** Columns and tables of a JobRow; a WHERE clause follows. */
export const JOB_COLUMNS = `
  j.id, j.stream, j.version, j.submitted, j.uri, j.record, s.name AS jobSet, q.name AS queue, c.id AS class
  FROM job j JOIN job_set s ON s.n = j.stream JOIN queue q ON q.n = s.queue LEFT JOIN class c ON c.n = j.class
`;

/** The whole record of a row. */
export function storedJobOf(row: JobRow): StoredJob {
  const record = JobRecord.decode(row.record);
  record.jobId = jobIdOf(row.id);
  record.queue = row.queue;
  record.jobSet = row.jobSet;
  record.schedulingClass = row.class ?? '';
  record.externalJobUri = row.uri ?? '';
  return { record, version: row.version, submittedNumber: row.submitted };
}
