import { JobState } from '@armada-ts/api/api/job';
import type { GetActiveQueuesResponse } from '@armada-ts/api/api/jobs';
import type { Principal } from '../auth/principal.ts';
import { validRun } from '../model/job.ts';
import { type QueryDeps, watchableQueues } from './access.ts';
import { jobsInSteps } from './job-set-steps.ts';

const ACTIVE = [JobState.LEASED, JobState.PENDING, JobState.RUNNING];

/**
 * By pool the queues, of those that the caller may watch, that have a job with
 * a run under way there. Most queues have no jobs, and are not asked after. One
 * that has is read no further than until it was seen in every pool there is, which
 * for most is the first job.
 */
export async function activeQueues(deps: QueryDeps, principal: Principal): Promise<GetActiveQueuesResponse> {
  const executors = await deps.store.read.executors();
  const pools = executors.flatMap(({ pool, nodes }) => nodes.map((node) => node.pool || pool));
  const queuesByPool = new Map<string, { queues: string[] }>();
  const active = new Set(await deps.store.read.activeQueues());
  for (const { name } of await watchableQueues(deps, principal)) {
    if (!active.has(name)) continue;
    const found = new Set<string>();
    for await (const pool of poolsOfQueue(deps, name)) {
      if (found.has(pool)) continue;
      found.add(pool);
      if (pools.length > 0 && pools.every((one) => found.has(one))) break;
    }
    for (const pool of found) {
      const there = queuesByPool.get(pool);
      if (there) there.queues.push(name);
      else queuesByPool.set(pool, { queues: [name] });
    }
  }
  return { activeQueuesByPool: queuesByPool };
}

/** The pool of every run under way, one after the other. */
async function* poolsOfQueue(deps: QueryDeps, queue: string): AsyncGenerator<string> {
  for (const { jobSet, leased } of await deps.store.read.activeJobSets(queue)) {
    if (leased === 0) continue;
    for await (const record of jobsInSteps(deps, { queue, jobSet, afterId: '', states: ACTIVE })) {
      const run = validRun(record);
      if (run) yield run.pool;
    }
  }
}
