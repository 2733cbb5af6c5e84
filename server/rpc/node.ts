import { type NodeCancelRequest, type NodePreemptRequest, NodeService } from '@armada-ts/api/api/control';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { SubmitDeps } from '../submit/deps.ts';
import { cancelOnNode, preemptOnNode } from '../submit/fleet.ts';
import { type Methods, unary } from '../door/method.ts';

export const nodeDefinition = NodeService satisfies ServiceDefinition;

/** api.Node. */
export function nodeService(deps: SubmitDeps): Methods {
  return {
    preemptOnNode: unary('preempt_any_jobs', async (request: NodePreemptRequest, { principal }) => {
      await preemptOnNode(deps, principal, request);
      return {};
    }),
    cancelOnNode: unary('cancel_any_jobs', async (request: NodeCancelRequest, { principal }) => {
      await cancelOnNode(deps, principal, request);
      return {};
    }),
  };
}
