import type { JobReprioritizeRequest, JobReprioritizeResponse } from '@armada-ts/api/api/submit';
import type { Principal } from '../auth/principal.ts';
import { timestampOf } from '../model/instant.ts';
import { shown } from '../model/names.ts';
import { wholePriority } from './defaults.ts';
import type { SubmitDeps } from './deps.ts';
import { appendDerived } from './derive.ts';
import { createFaultList, refuseIfFaulty } from './faults.ts';
import { openOperation } from './operation.ts';
import { queueFor } from '../auth/queue-access.ts';
import { accessibleJobs, checkJobSet } from './target.ts';

/**
 * Asks to change the priority of jobs by id or, without ids, of a whole job
 * set. Answers for each id nothing when it is done and else why not; for a job
 * set one entry. A running job keeps running; its priority matters when jobs
 * are pushed out. Throws INVALID_REQUEST, QUEUE_NOT_FOUND, PERMISSION_DENIED
 * (only about a queue the request names).
 */
export async function reprioritizeJobs(
  deps: SubmitDeps,
  principal: Principal,
  request: JobReprioritizeRequest,
): Promise<JobReprioritizeResponse> {
  const ids = [...new Set(request.jobIds)].filter((id) => id !== '');
  const faults = createFaultList();
  if (Number.isNaN(request.newPriority)) faults.add('new_priority', 'must be a number, got NaN');
  if (ids.length === 0) checkJobSet(request, faults);
  refuseIfFaulty(faults);
  const priority = wholePriority(request.newPriority);
  const results =
    ids.length === 0
      ? await reprioritizeSet(deps, principal, request, priority)
      : await reprioritizeIds(deps, principal, { ...request, ids }, priority);
  return { reprioritizationResults: results };
}

async function reprioritizeSet(
  deps: SubmitDeps,
  principal: Principal,
  { queue, jobSetId }: JobReprioritizeRequest,
  priority: number,
): Promise<Map<string, string>> {
  await queueFor(deps, principal, queue, 'reprioritize');
  const live = await deps.store.read.liveJobIds(queue, jobSetId, '', 1);
  if (live.length > 0) {
    const request = { $case: 'reprioritiseJobSet', value: { priority } } as const;
    await openOperation(deps, principal, { queue, jobSet: jobSetId }, request);
  }
  return new Map([[`all jobs in job set ${jobSetId}`, '']]);
}

async function reprioritizeIds(
  deps: SubmitDeps,
  principal: Principal,
  target: { ids: readonly string[]; queue: string; jobSetId: string },
  priority: number,
): Promise<Map<string, string>> {
  const results = new Map(target.ids.map((id) => [id, `job ${shown(id)} does not exist`]));
  const found = await accessibleJobs(deps, principal, { ...target, verb: 'reprioritize' });
  const created = timestampOf(deps.clock.now());
  const requestor = { userId: principal.name, groups: principal.groups };
  const changed = await appendDerived(deps.store, found, requestor, ({ jobId }) => ({
    created,
    event: { $case: 'reprioritiseJob', value: { jobId, priority } },
  }));
  for (const { record } of found) {
    const id = record?.jobId ?? '';
    results.set(id, changed.has(id) ? '' : `job ${id} has ended`);
  }
  return results;
}
