// Replays job sets of a test's store and keeps the records that their events make.
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import {
  allJobSets as eachJobSet,
  type JobSetName,
  replay as judge,
  type Replay as Judged,
} from '@armada-ts/server/store/replay';
import type { StoreReader } from '@armada-ts/server/store/store';

/** What was read, and everything that is wrong with it. */
export interface Replay extends Judged {
  /** The records that the events make, by job id. */
  records: Map<string, JobRecord>;
}

/** Every job set of every queue there is. */
export async function allJobSets(read: StoreReader): Promise<JobSetName[]> {
  const names: JobSetName[] = [];
  for await (const name of eachJobSet(read)) names.push(name);
  return names;
}

/** @param jobsAtATime see ReplayOptions */
export async function replay(
  read: StoreReader,
  jobSets: readonly JobSetName[],
  jobsAtATime?: number,
): Promise<Replay> {
  const records = new Map<string, JobRecord>();
  const judged = await judge(read, jobSets, {
    onRecord: (record) => records.set(record.jobId, record),
    ...(jobsAtATime !== undefined && { jobsAtATime }),
  });
  return { ...judged, records };
}
