import { JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { jobKey } from '../../model/job-key.ts';
import { type JobToPack, packJobs, type PackedJobs } from '../packed-jobs.ts';

const KEY_OF_NO_ID = new Uint8Array(16);

/** Packs jobs that have nothing in common; their ids may be any text. */
export function packWhole(jobs: readonly Omit<StoredJob, 'submittedNumber'>[]): PackedJobs {
  const whole = jobs.map(({ record, version }): JobToPack => {
    if (!record) throw new Error('a job without a record');
    const key = jobKey(record.jobId) ?? KEY_OF_NO_ID;
    const own = JobRecord.encode(record).finish();
    return { key, version, submitted: 0, common: 0, own };
  });
  return packJobs([JobRecord.create()], whole);
}
