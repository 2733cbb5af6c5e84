/** The jobs of a batch, packed, each with the place where its record is kept. */
import type { Batch, JobRecord } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { jobKey } from '../../model/job-key.ts';
import { ownParts, packRecords, type PackedJobs, type RecordToPack } from '../packed-jobs.ts';
import { type JobPlace, placeOf } from './keys.ts';

/** A job of the batch, with its place. */
export interface Placed<Job> {
  job: Job;
  record: JobRecord;
  key: Uint8Array;
  place: JobPlace;
  /** See packed-jobs.ts. */
  own: Uint8Array;
  common: number;
}

/** @param encoded the changed records, whole, where they are encoded already */
export function packBatch(
  { submitted, changed }: Batch,
  partitions: number,
  encoded: readonly Uint8Array[] | undefined,
): {
  packed: PackedJobs;
  submitted: Placed<Batch['submitted'][number]>[];
  changed: Placed<Batch['changed'][number]>[];
} {
  const places = [
    ...submitted.map(({ record }) => placeOfRecord(record, partitions)),
    ...changed.map(({ record }, i) => ({ ...placeOfRecord(record, partitions), encoded: encoded?.[i] })),
  ];
  const packed = packRecords(places);
  const parts = ownParts(packed);
  const placed = <Job>(job: Job, index: number): Placed<Job> => {
    const place = places[index];
    const part = parts[index];
    assert(place && part, 'each job is packed');
    return { job, ...place, ...part };
  };
  return {
    packed,
    submitted: submitted.map(placed),
    changed: changed.map((job, i) => placed(job, submitted.length + i)),
  };
}

function placeOfRecord(
  record: JobRecord | undefined,
  partitions: number,
): RecordToPack & { place: JobPlace } {
  assert(record, 'a job of a batch has a record');
  const key = jobKey(record.jobId);
  const place = placeOf(record.jobId, partitions);
  assert(key && place, `"${record.jobId}" is not a job id`);
  return { record, key, place, version: 0, submitted: 0 };
}
