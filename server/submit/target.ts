import { JobState } from '@armada-ts/api/api/job';
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { isJobId } from '../model/ids.ts';
import { printableFault, queueNameFault, shown } from '../model/names.ts';
import type { QueueVerb } from '../model/queue.ts';
import type { SubmitDeps } from './deps.ts';
import type { FaultList } from './faults.ts';
import { queueFor } from '../auth/queue-access.ts';
import { jobSetIdFault } from './validate.ts';

/** Longest reason, in bytes. */
const MAX_REASON_BYTES = 50;

/** Jobs a request is about: ids, narrowed by the queue and job set it may name. */
export interface JobTarget {
  ids: readonly string[];
  /** Empty for any. */
  queue: string;
  /** Empty for any. */
  jobSetId: string;
  verb: QueueVerb;
}

/**
 * The jobs of these ids on which the principal may do this. A job id alone is
 * enough; a queue and a job set narrow it. Jobs of others are left out just
 * like unknown ids, so nobody learns of them. Throws QUEUE_NOT_FOUND or
 * PERMISSION_DENIED about a queue that the request itself names.
 */
export async function accessibleJobs(
  deps: Pick<SubmitDeps, 'store' | 'authorizer'>,
  principal: Principal,
  target: JobTarget,
): Promise<StoredJob[]> {
  const { store, authorizer } = deps;
  if (target.queue !== '') await queueFor(deps, principal, target.queue, target.verb);
  const jobs = await store.read.jobs(target.ids.filter(isJobId));
  const narrowed = jobs.filter(
    ({ record }) =>
      record !== undefined &&
      (target.queue === '' || record.queue === target.queue) &&
      (target.jobSetId === '' || record.jobSet === target.jobSetId),
  );
  const allowed = new Set<string>();
  for (const name of new Set(narrowed.map(({ record }) => record?.queue ?? ''))) {
    const found = await store.read.queue(name);
    if (found !== undefined && authorizer.mayOnQueue(principal, found.queue, target.verb)) allowed.add(name);
  }
  return narrowed.filter(({ record }) => allowed.has(record?.queue ?? ''));
}

/** What a request about a whole job set must name; ids of jobs would do instead. */
export function checkJobSet(set: { queue: string; jobSetId: string }, faults: FaultList): void {
  const queue = queueNameFault(set.queue);
  if (queue !== undefined) faults.add('queue', queue);
  const jobSet = jobSetIdFault(set.jobSetId);
  if (jobSet !== undefined) faults.add('job_set_id', jobSet);
}

/** What people are told is kept with every job, so it is short. */
export function checkReason(reason: string, faults: FaultList): void {
  const bytes = Buffer.byteLength(reason, 'utf8');
  if (bytes > MAX_REASON_BYTES) {
    faults.add('reason', `must be at most ${MAX_REASON_BYTES} bytes, got ${bytes}: ${shown(reason)}`);
  }
  const fault = printableFault(reason);
  if (fault !== undefined) faults.add('reason', fault);
}

/** A job state as people write it. */
export function stateName(state: number): string {
  return Object.entries(JobState).find(([, number]) => number === state)?.[0] ?? String(state);
}
