/**
 * Live jobs on their way to a scheduler, which takes in a million of them at a
 * start: packed as the engines keep them, in one piece of memory that can change
 * threads, instead of an object with two dozen fields each. What many jobs have
 * in common is told once; of each job there is
 *
 *     key (16 bytes, see model/job-key.ts)
 *     version, number of the entry that submitted it or 0 when nobody knows (6 bytes each)
 *     index of its common part, length of its own (4 bytes each)
 *     its own part: a JobRecord without what the key and the common part tell
 *
 * Numbers are big-endian. A field that the own part has counts for more than what
 * the others tell.
 */
import { JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { jobIdOf } from '../model/job-key.ts';

export interface PackedJobs {
  /** JobRecords, without what single jobs have of their own. */
  commons: JobRecord[];
  bytes: Buffer<ArrayBuffer>;
}

/** A job to be packed. */
export interface JobToPack {
  key: Uint8Array;
  version: number;
  submitted: number;
  common: number;
  own: Uint8Array;
}

const KEY_BYTES = 16;
const COMMON_AT = KEY_BYTES + 12;
const HEAD_BYTES = COMMON_AT + 8;

export function packJobs(commons: JobRecord[], jobs: readonly JobToPack[]): PackedJobs {
  const size = jobs.reduce((sum, { own }) => sum + HEAD_BYTES + own.length, 0);
  // Not out of the pool: it is to change hands.
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const { key, version, submitted, common, own } of jobs) {
    bytes.set(key, at);
    bytes.writeUIntBE(version, at + KEY_BYTES, 6);
    bytes.writeUIntBE(submitted, at + KEY_BYTES + 6, 6);
    bytes.writeUInt32BE(common, at + COMMON_AT);
    bytes.writeUInt32BE(own.length, at + COMMON_AT + 4);
    bytes.set(own, at + HEAD_BYTES);
    at += HEAD_BYTES + own.length;
  }
  return { commons, bytes };
}

/** A packed job; one object shows them one after the other. */
export interface PackedJob {
  readonly bytes: Buffer;
  /** Where its key is. */
  keyAt: number;
  version: number;
  submitted: number;
  common: number;
  /** Where its own part begins and ends. */
  from: number;
  end: number;
}

/** Calls back for each job, always with the same object. */
export function eachPackedJob({ bytes }: PackedJobs, visit: (job: PackedJob) => void): void {
  const job: PackedJob = { bytes, keyAt: 0, version: 0, submitted: 0, common: 0, from: 0, end: 0 };
  for (let at = 0; at < bytes.length; at = job.end) {
    job.keyAt = at;
    job.version = bytes.readUIntBE(at + KEY_BYTES, 6);
    job.submitted = bytes.readUIntBE(at + KEY_BYTES + 6, 6);
    job.common = bytes.readUInt32BE(at + COMMON_AT);
    job.from = at + HEAD_BYTES;
    job.end = job.from + bytes.readUInt32BE(at + COMMON_AT + 4);
    visit(job);
  }
}

/** The whole job. */
export function unpackJob({ commons }: Pick<PackedJobs, 'commons'>, job: PackedJob): StoredJob {
  const { bytes, keyAt, from, end, version, submitted } = job;
  const common = commons[job.common];
  const own = JobRecord.decode(bytes.subarray(from, end));
  const record: JobRecord = {
    ...own,
    jobId: own.jobId || jobIdOf(bytes.subarray(keyAt, keyAt + KEY_BYTES)),
    queue: own.queue || (common?.queue ?? ''),
    jobSet: own.jobSet || (common?.jobSet ?? ''),
    owner: own.owner || (common?.owner ?? ''),
    groups: own.groups.length > 0 ? own.groups : [...(common?.groups ?? [])],
    namespace: own.namespace || (common?.namespace ?? ''),
    schedulingClass: own.schedulingClass || (common?.schedulingClass ?? ''),
    atMostOnce: own.atMostOnce || (common?.atMostOnce ?? false),
    failFast: own.failFast || (common?.failFast ?? false),
  };
  return { record, version, submittedNumber: submitted === 0 ? undefined : submitted };
}

export function unpackJobs(packed: PackedJobs): StoredJob[] {
  const jobs: StoredJob[] = [];
  eachPackedJob(packed, (job) => jobs.push(unpackJob(packed, job)));
  return jobs;
}
