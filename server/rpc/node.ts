import { type NodeCancelRequest, type NodePreemptRequest, NodeService } from '@armada-ts/api/api/control';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { SubmitDeps } from '../submit/deps.ts';
import { cancelOnNode, preemptOnNode } from '../submit/fleet.ts';
import { type Door, unary } from './call.ts';

export const nodeDefinition = NodeService satisfies ServiceDefinition;

/** api.Node. */
export function nodeService(door: Door, deps: SubmitDeps): UntypedServiceImplementation {
  return {
    preemptOnNode: unary(door, 'preempt_any_jobs', async (request: NodePreemptRequest, { principal }) => {
      await preemptOnNode(deps, principal, request);
      return {};
    }),
    cancelOnNode: unary(door, 'cancel_any_jobs', async (request: NodeCancelRequest, { principal }) => {
      await cancelOnNode(deps, principal, request);
      return {};
    }),
  };
}
