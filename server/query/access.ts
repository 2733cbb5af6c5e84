/**
 * Whose jobs a question may be answered about: those of queues that the caller
 * may watch. To anybody else a job does not exist (design invariant I8).
 */
import type { Queue } from '@armada-ts/api/api/queue';
import type { JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError, invalidField } from '../base/errors.ts';
import { isJobId } from '../model/ids.ts';
import { shown } from '../model/names.ts';
import type { Store } from '../store/store.ts';

export interface QueryDeps {
  store: Pick<Store, 'read'>;
  authorizer: Authorizer;
}

/** The records among these that the caller may see, in the same order. */
export async function watchableRecords(
  { store, authorizer }: QueryDeps,
  principal: Principal,
  jobs: readonly StoredJob[],
): Promise<JobRecord[]> {
  const records = jobs.flatMap(({ record }) => record ?? []);
  const watchable = new Set<string>();
  for (const name of new Set(records.map(({ queue }) => queue))) {
    const found = await store.read.queue(name);
    if (found && authorizer.mayOnQueue(principal, found.queue, 'watch')) watchable.add(name);
  }
  return records.filter(({ queue }) => watchable.has(queue));
}

/** The queues that the caller may watch, by name. */
export async function watchableQueues(
  { store, authorizer }: QueryDeps,
  principal: Principal,
): Promise<Queue[]> {
  const queues = await store.read.queues();
  return queues.map(({ queue }) => queue).filter((queue) => authorizer.mayOnQueue(principal, queue, 'watch'));
}

/** The job of this id. Throws INVALID_REQUEST for what is no id, and JOB_NOT_FOUND. */
export async function watchableJob(deps: QueryDeps, principal: Principal, jobId: string): Promise<JobRecord> {
  if (!isJobId(jobId)) {
    throw invalidField('job_id', `must be a job id of 26 characters, got ${shown(jobId)}`);
  }
  const [record] = await watchableRecords(deps, principal, await deps.store.read.jobs([jobId]));
  if (!record) throw new ArmadaError('JOB_NOT_FOUND', `job ${jobId} does not exist`);
  return record;
}

/** Most ids of one question. */
const MAX_IDS = 500;

/** Throws INVALID_REQUEST for more ids than one question may have. */
export function checkIds(field: string, ids: readonly string[]): void {
  if (ids.length <= MAX_IDS) return;
  throw invalidField(field, `must have at most ${MAX_IDS} ids, got ${ids.length}; ask in several requests`);
}
