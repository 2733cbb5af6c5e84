import {
  type DescribeJobRequest,
  JobListServiceService,
  type ListJobsRequest,
} from '@armada-ts/api/armada/jobs/v1/jobs';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { QueryDeps } from '../query/access.ts';
import { describeJob } from '../query/describe.ts';
import { listJobs } from '../query/list.ts';
import { type Door, unary } from './call.ts';

export const jobListDefinition = JobListServiceService;

/** armada.jobs.v1.JobListService: jobs as armadactl shows them. */
export function jobListService(door: Door, deps: QueryDeps): UntypedServiceImplementation {
  return {
    listJobs: unary(door, 'queue:watch', (request: ListJobsRequest, { principal }) =>
      listJobs(deps, principal, request),
    ),
    describeJob: unary(door, 'queue:watch', ({ jobId }: DescribeJobRequest, { principal }) =>
      describeJob(deps, principal, jobId),
    ),
  };
}
