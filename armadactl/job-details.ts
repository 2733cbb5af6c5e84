import { JobsService, type JobDetails } from '@armada-ts/api/api/jobs';
import type { Connection } from '@armada-ts/client/connect';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** Ids that servers take in one question; fewer where specs are wanted, which fill the answer. */
const MAX_IDS = 500;
const MAX_SPECS = 100;

/** The records of jobs, in the order of the ids. Throws a failure that names those that do not exist. */
export async function jobDetails(
  connection: Connection,
  jobIds: readonly string[],
  { withSpecs }: { withSpecs: boolean },
): Promise<JobDetails[]> {
  const found: JobDetails[] = [];
  const missing: string[] = [];
  const step = withSpecs ? MAX_SPECS : MAX_IDS;
  for (let first = 0; first < jobIds.length; first += step) {
    const ids = jobIds.slice(first, first + step);
    const request = { jobIds: ids, expandJobSpec: withSpecs, expandJobRun: false };
    const { jobDetails: details } = await connection.call(JobsService.getJobDetails, request);
    for (const id of ids) {
      const record = details.get(id);
      if (record) found.push(record);
      else missing.push(id);
    }
  }
  if (missing.length > 0) {
    const what = missing.length === 1 ? `job ${missing[0]} does not exist` : 'some jobs do not exist';
    throw new Failure(ExitCode.notFound, `${what}, or you may not watch it`, {
      details: missing.length === 1 ? [] : missing,
    });
  }
  return found;
}

export interface JobsOfSet {
  queue: string;
  jobSetId: string;
  jobs: JobDetails[];
}

/** By queue and job set, which many requests want to have named. */
export function byJobSet(jobs: readonly JobDetails[]): JobsOfSet[] {
  const sets = new Map<string, JobsOfSet>();
  for (const job of jobs) {
    const key = JSON.stringify([job.queue, job.jobset]);
    const set = sets.get(key);
    if (set) set.jobs.push(job);
    else sets.set(key, { queue: job.queue, jobSetId: job.jobset, jobs: [job] });
  }
  return [...sets.values()];
}
