import {
  type DescribeJobRequest,
  JobListServiceService,
  type ListJobsRequest,
} from '@armada-ts/api/armada/jobs/v1/jobs';
import type { QueryDeps } from '../query/access.ts';
import { describeJob } from '../query/describe.ts';
import { listJobs } from '../query/list.ts';
import { type Methods, unary } from '../door/method.ts';

export const jobListDefinition = JobListServiceService;

/** armada.jobs.v1.JobListService: jobs as armadactl shows them. */
export function jobListService(deps: QueryDeps): Methods {
  return {
    listJobs: unary('queue:watch', (request: ListJobsRequest, { principal }) =>
      listJobs(deps, principal, request),
    ),
    describeJob: unary('queue:watch', ({ jobId }: DescribeJobRequest, { principal }) =>
      describeJob(deps, principal, jobId),
    ),
  };
}
