/**
 * Emptying executors and nodes, and removing executors, without a job being left
 * behind. For operators: the door lets in nobody else.
 */
import type {
  DrainExecutorRequest,
  DrainNodeRequest,
  ExecutorStatus,
  NodeStatus,
  RemoveExecutorRequest,
} from '@armada-ts/api/armada/operator/v1/fleet';
import { Control_Kind, Drain } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Place } from '../model/executor-settings.ts';
import { placeNameFault, shown } from '../model/names.ts';
import { createFaultList, refuseIfFaulty } from './faults.ts';
import { type FleetDeps, giveUpRuns } from './fleet.ts';
import { checkCordon, cordonPlace, forgetAll, placeOf, type PlaceRequest } from './executor-settings.ts';

/** What whoever leads knows of an executor or a node. Throws EXECUTOR_NOT_FOUND, NODE_NOT_FOUND, UNAVAILABLE. */
export interface FleetView {
  executor(name: string): Promise<ExecutorStatus>;
  node(place: Place): Promise<NodeStatus>;
}

export type EvacuateDeps = FleetDeps & { view: FleetView };

/**
 * Cordons an executor and empties it; returns how many runs it had. Throws
 * INVALID_REQUEST, EXECUTOR_NOT_FOUND, UNAVAILABLE.
 */
export async function drainExecutor(
  deps: EvacuateDeps,
  principal: Principal,
  request: DrainExecutorRequest,
): Promise<number> {
  const place = { name: request.name };
  checkCordon(place, request.reason);
  const { runs } = await deps.view.executor(request.name);
  await drain(deps, principal, place, request);
  return runs;
}

/**
 * The same of a node. Throws INVALID_REQUEST, EXECUTOR_NOT_FOUND, NODE_NOT_FOUND,
 * UNAVAILABLE.
 */
export async function drainNode(
  deps: EvacuateDeps,
  principal: Principal,
  request: DrainNodeRequest,
): Promise<number> {
  const place = { name: request.name, executor: request.executor };
  checkCordon(place, request.reason);
  const { runs } = await deps.view.node(placeOf(place));
  await drain(deps, principal, place, request);
  return runs;
}

/**
 * Forgets an executor that is gone for good, and all that was set for it; returns
 * how many runs are given up. A server that dies meanwhile leaves the rest of
 * them to the silence of the executor; asking again goes on. Throws
 * INVALID_REQUEST, EXECUTOR_NOT_FOUND, EXECUTOR_IN_USE, UNAVAILABLE.
 */
export async function removeExecutor(
  deps: EvacuateDeps,
  principal: Principal,
  { name, requeueJobs }: RemoveExecutorRequest,
): Promise<number> {
  const faults = createFaultList();
  const fault = placeNameFault(name);
  if (fault !== undefined) faults.add('name', fault);
  refuseIfFaulty(faults);
  const { alive, runs } = await deps.view.executor(name);
  if (alive) {
    const advice = 'stop it, and try again once it counts as silent; to empty it, drain it';
    throw new ArmadaError('EXECUTOR_IN_USE', `executor ${shown(name)} is alive: ${advice}`);
  }
  if (runs > 0 && !requeueJobs) {
    const advice = 'set requeue_jobs to give them up';
    throw new ArmadaError('EXECUTOR_IN_USE', `executor ${shown(name)} has ${runs} runs: ${advice}`);
  }
  // First the executor, so that nothing new goes there while its runs are given up.
  await deps.store.control({ kind: Control_Kind.KIND_EXECUTOR, name, record: null });
  if (runs > 0) await giveUpRuns(deps, principal, name);
  await forgetAll(deps, name);
  return runs;
}

function drain(
  deps: EvacuateDeps,
  principal: Principal,
  place: PlaceRequest,
  { reason, letRunningFinish }: { reason: string; letRunningFinish: boolean },
): Promise<void> {
  const kind = letRunningFinish ? Drain.DRAIN_NOT_RUNNING : Drain.DRAIN_ALL;
  return cordonPlace(deps, principal, place, { reason, drain: kind });
}
