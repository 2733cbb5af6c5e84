/**
 * What operators ask of all jobs of a queue, of an executor's cluster or of a
 * node: one durable request for each queue, which the leader carries out. The
 * answer says that the requests are kept; asking again is harmless.
 */
import type {
  ExecutorCancelRequest,
  ExecutorDeleteRequest,
  ExecutorPreemptRequest,
  NodeCancelRequest,
  NodePreemptRequest,
} from '@armada-ts/api/api/control';
import { type JobState as JobStateName, JobState } from '@armada-ts/api/api/job';
import type { QueueCancelRequest, QueuePreemptRequest } from '@armada-ts/api/api/queue';
import { Control_Kind, JobFilter } from '@armada-ts/api/armada/store/v1/store';
import { JobRunErrors } from '@armada-ts/api/armadaevents/armadaevents';
import type { Principal } from '../auth/principal.ts';
import { queueNotFound } from '../auth/queue-access.ts';
import { placeNameFault, printableFault, queueNameFault, shown } from '../model/names.ts';
import type { SubmitDeps } from './deps.ts';
import { createFaultList, type FaultList, refuseIfFaulty } from './faults.ts';
import { type FleetRequest, openFleetOperation } from './operation.ts';
import { stateName } from './target.ts';

export type FleetDeps = Pick<SubmitDeps, 'store' | 'clock' | 'random' | 'authorizer' | 'rules'>;

/** Requests that are on their way to the store together. */
const OPENED_AT_ONCE = 64;

/** States in which a job can be cancelled. */
const LIVE_STATES: ReadonlySet<JobStateName> = new Set([
  JobState.QUEUED,
  JobState.LEASED,
  JobState.PENDING,
  JobState.RUNNING,
]);

/** Throws PERMISSION_DENIED, INVALID_REQUEST or QUEUE_NOT_FOUND. */
export async function cancelOnQueue(
  deps: FleetDeps,
  principal: Principal,
  request: QueueCancelRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'cancel_any_jobs');
  const faults = createFaultList();
  checkStates(request.jobStates, faults);
  await checkQueueRequest(deps, request, faults);
  // A forgotten list cannot cancel a queue.
  if (request.jobStates.length === 0) return;
  const { priorityClasses, pools, jobStates: states } = request;
  const filter = JobFilter.fromPartial({ priorityClasses, pools, states });
  await openAll(deps, principal, { queues: [request.name], filter }, cancel(`on queue ${request.name}`));
}

/** Throws PERMISSION_DENIED, INVALID_REQUEST or QUEUE_NOT_FOUND. */
export async function preemptOnQueue(
  deps: FleetDeps,
  principal: Principal,
  request: QueuePreemptRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'preempt_any_jobs');
  await checkQueueRequest(deps, request, createFaultList());
  const { priorityClasses, pools } = request;
  const filter = JobFilter.fromPartial({ priorityClasses, pools });
  await openAll(deps, principal, { queues: [request.name], filter }, preempt(`on queue ${request.name}`));
}

/** Throws PERMISSION_DENIED or INVALID_REQUEST. */
export async function cancelOnExecutor(
  deps: FleetDeps,
  principal: Principal,
  request: ExecutorCancelRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'cancel_any_jobs');
  const runs = { ...request, executor: request.name, executorField: 'name' };
  await openOnRuns(deps, principal, runs, cancel);
}

/** Throws PERMISSION_DENIED or INVALID_REQUEST. */
export async function preemptOnExecutor(
  deps: FleetDeps,
  principal: Principal,
  request: ExecutorPreemptRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'preempt_any_jobs');
  const runs = { ...request, executor: request.name, executorField: 'name' };
  await openOnRuns(deps, principal, runs, preempt);
}

/** Throws PERMISSION_DENIED or INVALID_REQUEST. */
export async function cancelOnNode(
  deps: FleetDeps,
  principal: Principal,
  request: NodeCancelRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'cancel_any_jobs');
  await openOnRuns(deps, principal, onNode(request), cancel);
}

/** Throws PERMISSION_DENIED or INVALID_REQUEST. */
export async function preemptOnNode(
  deps: FleetDeps,
  principal: Principal,
  request: NodePreemptRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'preempt_any_jobs');
  await openOnRuns(deps, principal, onNode(request), preempt);
}

/**
 * Removes an executor that is gone for good. Its runs are given up as after a
 * long silence: their jobs are queued again within their attempts. One that is
 * alive stops those runs, and is there again with its next lease call. What was
 * set for it (a cordon) stays. Throws PERMISSION_DENIED or INVALID_REQUEST.
 */
export async function deleteExecutor(
  deps: FleetDeps,
  principal: Principal,
  { name }: ExecutorDeleteRequest,
): Promise<void> {
  deps.authorizer.demand(principal, 'update_executor_settings');
  const faults = createFaultList();
  check('name', placeNameFault(name), faults);
  refuseIfFaulty(faults);
  // First the executor, so that nothing new goes there while its runs are given up.
  await deps.store.control({ kind: Control_Kind.KIND_EXECUTOR, name, record: null });
  await giveUpRuns(deps, principal, name);
}

/** Asks the leader to give up the runs of an executor that has gone: their jobs are queued again within their attempts. */
export async function giveUpRuns(deps: FleetDeps, principal: Principal, executorId: string): Promise<void> {
  const queues = (await deps.store.read.queues()).map(({ queue }) => queue.name);
  await openAll(deps, principal, { queues, filter: JobFilter.fromPartial({ executorId }) }, GIVE_UP);
}

/** Runs of a cluster, or of one of its nodes. */
interface Runs {
  queues: readonly string[];
  priorityClasses: string[];
  pools?: string[];
  executor: string;
  /** The field of the request that names the executor. */
  executorField: string;
  node?: string;
}

function onNode(request: NodeCancelRequest | NodePreemptRequest): Runs {
  return { ...request, executorField: 'executor', node: request.name };
}

async function openOnRuns(
  deps: FleetDeps,
  principal: Principal,
  runs: Runs,
  request: (where: string) => FleetRequest,
): Promise<void> {
  const { executor, node, priorityClasses, pools = [] } = runs;
  const queues = [...new Set(runs.queues)];
  const faults = createFaultList();
  if (node !== undefined) check('name', placeNameFault(node), faults);
  check(runs.executorField, placeNameFault(executor), faults);
  checkSelection(deps, { priorityClasses, pools }, faults);
  for (const [i, fault] of (await Promise.all(runs.queues.map((name) => queueFault(deps, name)))).entries()) {
    check(`queues[${i}]`, fault, faults);
  }
  refuseIfFaulty(faults);
  const filter = JobFilter.fromPartial({ executorId: executor, node: node ?? '', priorityClasses, pools });
  const where = node === undefined ? `on executor ${executor}` : `on node ${node} of executor ${executor}`;
  await openAll(deps, principal, { queues, filter }, request(where));
}

async function openAll(
  deps: FleetDeps,
  principal: Principal,
  { queues, filter }: { queues: readonly string[]; filter: JobFilter },
  request: FleetRequest,
): Promise<void> {
  for (let from = 0; from < queues.length; from += OPENED_AT_ONCE) {
    const part = queues.slice(from, from + OPENED_AT_ONCE);
    await Promise.all(part.map((queue) => openFleetOperation(deps, principal, { queue, filter }, request)));
  }
}

async function checkQueueRequest(
  deps: FleetDeps,
  request: { name: string; priorityClasses: readonly string[]; pools: readonly string[] },
  faults: FaultList,
): Promise<void> {
  check('name', queueNameFault(request.name), faults);
  checkSelection(deps, request, faults);
  refuseIfFaulty(faults);
  if ((await deps.store.read.queue(request.name)) === undefined) throw queueNotFound(request.name);
}

/** Names that select nothing would be taken for a request that was carried out. */
function checkSelection(
  { rules }: FleetDeps,
  { priorityClasses, pools }: { priorityClasses: readonly string[]; pools: readonly string[] },
  faults: FaultList,
): void {
  for (const [i, name] of priorityClasses.entries()) {
    if (rules.priorityClasses.has(name)) continue;
    const known = [...rules.priorityClasses.keys()].join(', ');
    faults.add(`priorityClasses[${i}]`, `must be one of ${known}, got ${shown(name)}`);
  }
  for (const [i, pool] of pools.entries()) {
    check(`pools[${i}]`, pool === '' ? 'must not be empty' : printableFault(pool), faults);
  }
}

function checkStates(states: readonly JobStateName[], faults: FaultList): void {
  for (const [i, state] of states.entries()) {
    if (LIVE_STATES.has(state)) continue;
    faults.add(`jobStates[${i}]`, `must be QUEUED, LEASED, PENDING or RUNNING, got ${stateName(state)}`);
  }
}

async function queueFault({ store }: FleetDeps, name: string): Promise<string | undefined> {
  const fault = queueNameFault(name);
  if (fault !== undefined) return fault;
  return (await store.read.queue(name)) ? undefined : `must name existing queues, got ${shown(name)}`;
}

function check(field: string, fault: string | undefined, faults: FaultList): void {
  if (fault !== undefined) faults.add(field, fault);
}

function cancel(where: string): FleetRequest {
  return { $case: 'cancelJob', value: { jobId: '', reason: `Cancelled ${where}` } };
}

function preempt(where: string): FleetRequest {
  return { $case: 'jobPreemptionRequested', value: { jobId: '', reason: where } };
}

const GIVE_UP: FleetRequest = {
  $case: 'jobRunErrors',
  value: JobRunErrors.fromPartial({
    errors: [{ terminal: true, reason: { $case: 'leaseExpired', value: {} } }],
  }),
};
