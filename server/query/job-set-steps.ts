import type { JobState } from '@armada-ts/api/api/job';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { setImmediate } from 'node:timers/promises';
import type { QueryDeps } from './access.ts';

/** Jobs read in one step: a few milliseconds, in which nothing else is done. */
const STEP_JOBS = 200;

/** Which jobs of a job set to read. */
export interface JobSetWalk {
  queue: string;
  jobSet: string;
  /** Only jobs after this id; '' to begin. */
  afterId: string;
  /** Empty for all. */
  states: readonly JobState[];
  /** When no more than so many will be taken. */
  atMost?: number;
}

/** Jobs of a job set by rising id, read in steps as they are taken. */
export async function* jobsInSteps({ store }: QueryDeps, walk: JobSetWalk): AsyncGenerator<JobRecord> {
  const { queue, jobSet, states, atMost = STEP_JOBS } = walk;
  const limit = Math.min(STEP_JOBS, atMost);
  let { afterId } = walk;
  for (;;) {
    const jobs = await store.read.jobsOfSet(queue, jobSet, { states, afterId, limit });
    for (const { record } of jobs) {
      if (!record) continue;
      afterId = record.jobId;
      yield record;
    }
    if (jobs.length < limit) return;
    await setImmediate();
  }
}
