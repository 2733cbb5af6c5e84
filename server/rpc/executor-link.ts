import {
  ExecutorLinkServiceService,
  type LinkRequest,
  type LinkResponse,
} from '@armada-ts/api/armada/executor/v1/executor';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Links } from '../lease/links.ts';
import { bidiStream, type Door } from './call.ts';

export const executorLinkDefinition = ExecutorLinkServiceService;

/** armada.executor.v1.ExecutorLinkService: what we ask of our executors. */
export function executorLinkService(door: Door, links: Links): UntypedServiceImplementation {
  return {
    link: bidiStream<LinkRequest, LinkResponse>(door, 'execute_jobs', (requests, send, { principal }) =>
      links.serve(principal, requests, send),
    ),
  };
}
