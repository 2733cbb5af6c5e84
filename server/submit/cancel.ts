/**
 * Cancelling. A client asks; the job goes on until the scheduler decides, which
 * it does as soon as it sees the request. So what is appended here is a request
 * in the job's own stream, or for a whole job set one durable operation that
 * the leader carries out job by job.
 */
import { JobState } from '@armada-ts/api/api/job';
import type { CancellationResult, JobCancelRequest, JobSetCancelRequest } from '@armada-ts/api/api/submit';
import { JobState as SetState } from '@armada-ts/api/armadaevents/armadaevents';
import type { Principal } from '../auth/principal.ts';
import { timestampOf } from '../model/instant.ts';
import { isTerminal } from '../model/job.ts';
import type { SubmitDeps } from './deps.ts';
import { appendDerived } from './derive.ts';
import { createFaultList, type FaultList, refuseIfFaulty } from './faults.ts';
import { openOperation } from './operation.ts';
import { queueFor } from '../auth/queue-access.ts';
import { accessibleJobs, checkJobSet, checkReason, stateName } from './target.ts';

/** Most ids of a cancelled job set that are answered; the cancellation itself has no such limit. */
const MAX_ANSWERED_IDS = 10_000;

/**
 * Asks to cancel jobs by id or, without ids, a whole job set. Answers the ids
 * of live jobs that are cancelled by this request or by an earlier one: the
 * first keeps its reason. Ids that are unknown, elsewhere, not the caller's
 * business or ended already are not answered. Throws INVALID_REQUEST,
 * QUEUE_NOT_FOUND, PERMISSION_DENIED (only about a queue the request names).
 */
export async function cancelJobs(
  deps: SubmitDeps,
  principal: Principal,
  request: JobCancelRequest,
): Promise<CancellationResult> {
  const ids = [...new Set([...request.jobIds, request.jobId])].filter((id) => id !== '');
  const faults = createFaultList();
  checkReason(request.reason, faults);
  if (ids.length === 0) {
    checkJobSet(request, faults);
    refuseIfFaulty(faults);
    return { cancelledIds: await cancelSet(deps, principal, { ...request, states: [] }) };
  }
  refuseIfFaulty(faults);

  const found = await accessibleJobs(deps, principal, { ...request, ids, verb: 'cancel' });
  const created = timestampOf(deps.clock.now());
  const requestor = { userId: principal.name, groups: principal.groups };
  const asked = await appendDerived(deps.store, found, requestor, ({ jobId }) => ({
    created,
    event: { $case: 'cancelJob', value: { jobId, reason: request.reason } },
  }));
  const cancelledIds = found.flatMap(({ record }) => {
    if (record === undefined) return [];
    const wasAsked = record.cancel !== undefined && !isTerminal(record.state);
    return asked.has(record.jobId) || wasAsked ? record.jobId : [];
  });
  return { cancelledIds };
}

/**
 * Asks to cancel the jobs of a job set, all or those in some states. Throws
 * INVALID_REQUEST, QUEUE_NOT_FOUND or PERMISSION_DENIED; an unknown job set has
 * nothing to cancel.
 */
export async function cancelJobSet(
  deps: SubmitDeps,
  principal: Principal,
  request: JobSetCancelRequest,
): Promise<void> {
  const faults = createFaultList();
  checkReason(request.reason, faults);
  checkJobSet(request, faults);
  const states = setStates(request.filter?.states ?? [], faults);
  refuseIfFaulty(faults);
  await cancelSet(deps, principal, { ...request, states });
}

/** Ids of the jobs that were live when it was asked. */
async function cancelSet(
  deps: SubmitDeps,
  principal: Principal,
  request: { queue: string; jobSetId: string; reason: string; states: SetState[] },
): Promise<string[]> {
  const { queue, jobSetId, reason, states } = request;
  await queueFor(deps, principal, queue, 'cancel');
  const ids = await deps.store.read.liveJobIds(queue, jobSetId, '', MAX_ANSWERED_IDS);
  if (ids.length === 0) return [];
  await openOperation(
    deps,
    principal,
    { queue, jobSet: jobSetId },
    { $case: 'cancelJobSet', value: { states, reason } },
  );
  return ids;
}

/**
 * The states of a filter as events name them; none for all. Jobs that hold a
 * run are one kind, whether their pod has started or not, hence PENDING and
 * RUNNING go together.
 */
function setStates(states: readonly JobState[], faults: FaultList): SetState[] {
  states.forEach((state, i) => {
    if (state === JobState.QUEUED || state === JobState.PENDING || state === JobState.RUNNING) return;
    faults.add(`filter.states[${i}]`, `must be QUEUED, PENDING or RUNNING, got ${stateName(state)}`);
  });
  if (states.includes(JobState.PENDING) !== states.includes(JobState.RUNNING)) {
    faults.add('filter.states', 'must have PENDING and RUNNING both or neither');
  }
  const chosen: SetState[] = [];
  if (states.includes(JobState.QUEUED)) chosen.push(SetState.QUEUED);
  if (states.includes(JobState.PENDING)) chosen.push(SetState.PENDING, SetState.RUNNING);
  return chosen;
}
