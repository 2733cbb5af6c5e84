import { JobState } from '@armada-ts/api/api/job';
import type { ListJobsRequest, ListJobsResponse } from '@armada-ts/api/armada/jobs/v1/jobs';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { queueFor } from '../auth/queue-access.ts';
import { invalidField } from '../base/errors.ts';
import { type QueryDeps, watchableQueues } from './access.ts';
import { jobsInSteps } from './job-set-steps.ts';
import { listedJob } from './listed-job.ts';
import { type Place, placeOfToken, tokenOf } from './page-token.ts';

const DEFAULT_PAGE_JOBS = 100;
const MAX_PAGE_JOBS = 1000;
/** Job sets looked into for one page, so that a page without a match ends too. */
const MAX_PAGE_JOB_SETS = 200;

/**
 * One page of jobs by queue, job set and id. A page goes on after the last job
 * of the one before, whatever was submitted or purged meanwhile. Throws
 * INVALID_REQUEST and, about a queue that is named, QUEUE_NOT_FOUND or
 * PERMISSION_DENIED.
 */
export async function listJobs(
  deps: QueryDeps,
  principal: Principal,
  request: ListJobsRequest,
): Promise<ListJobsResponse> {
  const limit = pageSizeOf(request);
  checkStates(request.states);
  const from = placeOfToken(request);
  const queues = await queuesOf(deps, principal, request.queue);
  const found: JobRecord[] = [];
  const page = (nextPageToken: string): ListJobsResponse => ({ jobs: found.map(listedJob), nextPageToken });
  let jobSets = 0;
  for await (const place of jobSetsFrom(deps, queues, { ...from, only: request.jobSet })) {
    if (jobSets++ === MAX_PAGE_JOB_SETS) return page(tokenOf(place));
    const walk = { ...place, states: request.states, atMost: limit - found.length };
    for await (const job of jobsInSteps(deps, walk)) {
      found.push(job);
      if (found.length === limit) return page(tokenOf({ ...place, afterId: job.jobId }));
    }
  }
  return page('');
}

function pageSizeOf({ pageSize }: ListJobsRequest): number {
  if (pageSize < 0) throw invalidField('page_size', `must be 0 or more, got ${pageSize}`);
  return pageSize === 0 ? DEFAULT_PAGE_JOBS : Math.min(pageSize, MAX_PAGE_JOBS);
}

function checkStates(states: readonly JobState[]): void {
  const known = new Set<number>(Object.values(JobState));
  const wrong = states.findIndex((state) => !known.has(state));
  if (wrong >= 0) throw invalidField(`states[${wrong}]`, `must be a state of a job, got ${states[wrong]}`);
}

/** Names in order. */
async function queuesOf(deps: QueryDeps, principal: Principal, name: string): Promise<string[]> {
  if (name === '') return (await watchableQueues(deps, principal)).map((queue) => queue.name);
  await queueFor(deps, principal, name, 'watch');
  return [name];
}

/**
 * The job sets to look into, and where to begin in each.
 * @param from with the one job set that is wanted; empty for all
 */
async function* jobSetsFrom(
  { store }: QueryDeps,
  queues: readonly string[],
  from: Place & { only: string },
): AsyncGenerator<Place> {
  for (const queue of queues) {
    if (queue < from.queue) continue;
    const start = queue === from.queue ? from : { jobSet: '', afterId: '' };
    const afterIdOf = (jobSet: string): string => (jobSet === start.jobSet ? start.afterId : '');
    if (from.only !== '') {
      yield { queue, jobSet: from.only, afterId: afterIdOf(from.only) };
      continue;
    }
    let next: string | undefined = start.jobSet;
    while (next !== undefined) {
      const names = await store.read.jobSetNames(queue, next, MAX_PAGE_JOB_SETS);
      for (const jobSet of names) yield { queue, jobSet, afterId: afterIdOf(jobSet) };
      // The least name above the last.
      next = names.length < MAX_PAGE_JOB_SETS ? undefined : `${names.at(-1)}\0`;
    }
  }
}
