import {
  type CordonExecutorRequest,
  type CordonNodeRequest,
  type DrainExecutorRequest,
  type DrainNodeRequest,
  FleetServiceService,
  type ListExecutorsRequest,
  type ListNodesRequest,
  type RemoveExecutorRequest,
  type UncordonExecutorRequest,
  type UncordonNodeRequest,
} from '@armada-ts/api/armada/operator/v1/fleet';
import { Drain } from '@armada-ts/api/armada/store/v1/store';
import { type Methods, unary } from '../door/method.ts';
import type { Place } from '../model/executor-settings.ts';
import { findExecutor, findNode, type FleetDeps, listExecutors, listNodes } from '../query/fleet.ts';
import type { SubmitDeps } from '../submit/deps.ts';
import { drainExecutor, drainNode, removeExecutor } from '../submit/evacuate.ts';
import { cordonPlace, uncordonPlace } from '../submit/executor-settings.ts';

export const fleetDefinition = FleetServiceService;

/** armada.operator.v1.FleetService: executors and nodes, for operators. */
export function fleetService(deps: SubmitDeps & FleetDeps): Methods {
  return { ...listing(deps), ...cordoning(deps), ...evacuating(deps) };
}

function listing(deps: FleetDeps): Methods {
  return {
    listExecutors: unary('operate', (request: ListExecutorsRequest) => listExecutors(deps, request)),
    listNodes: unary('operate', (request: ListNodesRequest) => listNodes(deps, request)),
  };
}

function cordoning(deps: SubmitDeps): Methods {
  const drain = Drain.DRAIN_UNSPECIFIED;
  return {
    cordonExecutor: unary('operate', async ({ name, reason }: CordonExecutorRequest, { principal }) => {
      await cordonPlace(deps, principal, { name }, { reason, drain });
      return {};
    }),
    uncordonExecutor: unary('operate', async ({ name }: UncordonExecutorRequest) => {
      await uncordonPlace(deps, { name });
      return {};
    }),
    cordonNode: unary('operate', async ({ executor, name, reason }: CordonNodeRequest, { principal }) => {
      await cordonPlace(deps, principal, { executor, name }, { reason, drain });
      return {};
    }),
    uncordonNode: unary('operate', async ({ executor, name }: UncordonNodeRequest) => {
      await uncordonPlace(deps, { executor, name });
      return {};
    }),
  };
}

function evacuating(deps: SubmitDeps & FleetDeps): Methods {
  const evacuation = {
    ...deps,
    view: {
      executor: (name: string) => findExecutor(deps, name),
      node: (place: Place) => findNode(deps, place),
    },
  };
  return {
    drainExecutor: unary('operate', async (request: DrainExecutorRequest, { principal }) => ({
      runs: await drainExecutor(evacuation, principal, request),
    })),
    drainNode: unary('operate', async (request: DrainNodeRequest, { principal }) => ({
      runs: await drainNode(evacuation, principal, request),
    })),
    removeExecutor: unary('operate', async (request: RemoveExecutorRequest, { principal }) => ({
      runs: await removeExecutor(evacuation, principal, request),
    })),
  };
}
