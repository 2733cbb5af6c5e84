import type { JobState } from '@armada-ts/api/api/job';
import {
  type DescribeJobResponse,
  JobListServiceService,
  type ListedJob,
} from '@armada-ts/api/armada/jobs/v1/jobs';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

export type { DescribedRun, DescribeJobResponse, ListedJob } from '@armada-ts/api/armada/jobs/v1/jobs';

/** What is left out narrows nothing. */
export interface JobFilter {
  queue?: string | undefined;
  jobSetId?: string | undefined;
  states?: readonly JobState[] | undefined;
}

/** Jobs of one request: the most that servers give. */
const PAGE_JOBS = 1000;

/**
 * Jobs by queue, job set and time of submission, the oldest first; without a
 * queue those of every queue that the caller may watch. The server is asked for
 * more as the loop goes on. Throws NOT_FOUND and PERMISSION_DENIED about the
 * queue; Armada's own servers have no such list and answer UNIMPLEMENTED.
 */
export async function* listJobs(
  connection: Connection,
  { queue = '', jobSetId: jobSet = '', states = [] }: JobFilter,
  options?: CallOptions,
): AsyncGenerator<ListedJob, void> {
  let pageToken = '';
  do {
    const request = { queue, jobSet, states: [...states], pageSize: PAGE_JOBS, pageToken };
    const page = await callRepeatedly(connection, JobListServiceService.listJobs, request, options);
    yield* page.jobs;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** All that the server knows of a job. Throws NOT_FOUND. */
export async function describeJob(
  connection: Connection,
  jobId: string,
  options?: CallOptions,
): Promise<DescribeJobResponse> {
  return callRepeatedly(connection, JobListServiceService.describeJob, { jobId }, options);
}
