import {
  type JobDetailsRequest,
  type JobErrorsRequest,
  type JobRunDetailsRequest,
  JobsService,
  type JobStatusRequest,
  type JobStatusUsingExternalJobUriRequest,
} from '@armada-ts/api/api/jobs';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { QueryDeps } from '../query/access.ts';
import { activeQueues } from '../query/active-queues.ts';
import { jobDetails, jobRunDetails } from '../query/details.ts';
import { jobErrors, jobStatus, jobStatusByExternalUri } from '../query/status.ts';
import { type Door, unary } from './call.ts';

export const jobsDefinition = JobsService;

/** api.Jobs: what became of jobs, for programs that keep their ids. */
export function jobsService(door: Door, deps: QueryDeps): UntypedServiceImplementation {
  return {
    getJobStatus: unary(door, 'queue:watch', ({ jobIds }: JobStatusRequest, { principal }) =>
      jobStatus(deps, principal, jobIds),
    ),
    getJobStatusUsingExternalJobUri: unary(
      door,
      'queue:watch',
      (request: JobStatusUsingExternalJobUriRequest, { principal }) =>
        jobStatusByExternalUri(deps, principal, request),
    ),
    getJobDetails: unary(door, 'queue:watch', (request: JobDetailsRequest, { principal }) =>
      jobDetails(deps, principal, request),
    ),
    getJobErrors: unary(door, 'queue:watch', ({ jobIds }: JobErrorsRequest, { principal }) =>
      jobErrors(deps, principal, jobIds),
    ),
    getJobRunDetails: unary(door, 'queue:watch', ({ runIds }: JobRunDetailsRequest, { principal }) =>
      jobRunDetails(deps, principal, runIds),
    ),
    getActiveQueues: unary(door, 'queue:watch', (_, { principal }) => activeQueues(deps, principal)),
  };
}
