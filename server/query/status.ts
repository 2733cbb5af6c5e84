/** What state jobs are in, and why they failed. */
import {
  type JobErrorsResponse,
  type JobStatusResponse,
  type JobStatusUsingExternalJobUriRequest,
} from '@armada-ts/api/api/jobs';
import { JobState } from '@armada-ts/api/api/job';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { lastRun } from '../model/job.ts';
import { errorText } from '../model/run-error.ts';
import { invalidField } from '../base/errors.ts';
import { checkIds, type QueryDeps, watchableRecords } from './access.ts';

/** Has an entry for every id: UNKNOWN where there is no such job. Throws INVALID_REQUEST for too many ids. */
export async function jobStatus(
  deps: QueryDeps,
  principal: Principal,
  jobIds: readonly string[],
): Promise<JobStatusResponse> {
  checkIds('job_ids', jobIds);
  const records = await watchableRecords(deps, principal, await deps.store.read.jobs(jobIds));
  const unknown = jobIds.map((jobId) => [jobId, JobState.UNKNOWN] as const);
  return { jobStates: new Map<string, JobState>([...unknown, ...statesOf(records)]) };
}

/** Nothing where the queue or the job set is unknown, as where no job has that URI. Throws INVALID_REQUEST. */
export async function jobStatusByExternalUri(
  deps: QueryDeps,
  principal: Principal,
  { queue, jobset, externalJobUri }: JobStatusUsingExternalJobUriRequest,
): Promise<JobStatusResponse> {
  if (externalJobUri === '') throw invalidField('external_job_uri', 'must not be empty');
  const jobs = await deps.store.read.jobsByExternalUri(queue, jobset, externalJobUri);
  return { jobStates: new Map(statesOf(await watchableRecords(deps, principal, jobs))) };
}

function statesOf(records: readonly JobRecord[]): (readonly [string, JobState])[] {
  return records.map(({ jobId, state }) => [jobId, state] as const);
}

/** Texts by job id, empty for jobs without an error. Throws INVALID_REQUEST for too many ids. */
export async function jobErrors(
  deps: QueryDeps,
  principal: Principal,
  jobIds: readonly string[],
): Promise<JobErrorsResponse> {
  checkIds('job_ids', jobIds);
  const records = await watchableRecords(deps, principal, await deps.store.read.jobs(jobIds));
  return { jobErrors: new Map(records.map((record) => [record.jobId, jobErrorText(record)])) };
}

/** What ended the job or, failing that, what became of its newest run. */
export function jobErrorText(record: JobRecord): string {
  return errorText(record.error) || errorText(lastRun(record)?.error);
}
