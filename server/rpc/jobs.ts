import {
  type JobDetailsRequest,
  type JobErrorsRequest,
  type JobRunDetailsRequest,
  JobsService,
  type JobStatusRequest,
  type JobStatusUsingExternalJobUriRequest,
} from '@armada-ts/api/api/jobs';
import type { QueryDeps } from '../query/access.ts';
import { activeQueues } from '../query/active-queues.ts';
import { jobDetails, jobRunDetails } from '../query/details.ts';
import { jobErrors, jobStatus, jobStatusByExternalUri } from '../query/status.ts';
import { type Methods, unary } from '../door/method.ts';

export const jobsDefinition = JobsService;

/** api.Jobs: what became of jobs, for programs that keep their ids. */
export function jobsService(deps: QueryDeps): Methods {
  return {
    getJobStatus: unary('queue:watch', ({ jobIds }: JobStatusRequest, { principal }) =>
      jobStatus(deps, principal, jobIds),
    ),
    getJobStatusUsingExternalJobUri: unary(
      'queue:watch',
      (request: JobStatusUsingExternalJobUriRequest, { principal }) =>
        jobStatusByExternalUri(deps, principal, request),
    ),
    getJobDetails: unary('queue:watch', (request: JobDetailsRequest, { principal }) =>
      jobDetails(deps, principal, request),
    ),
    getJobErrors: unary('queue:watch', ({ jobIds }: JobErrorsRequest, { principal }) =>
      jobErrors(deps, principal, jobIds),
    ),
    getJobRunDetails: unary('queue:watch', ({ runIds }: JobRunDetailsRequest, { principal }) =>
      jobRunDetails(deps, principal, runIds),
    ),
    getActiveQueues: unary('queue:watch', (_, { principal }) => activeQueues(deps, principal)),
  };
}
