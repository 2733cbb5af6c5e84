import {
  ExecutorLinkServiceService,
  type LinkRequest,
  type LinkResponse,
} from '@armada-ts/api/armada/executor/v1/executor';
import type { Links } from '../lease/links.ts';
import { bidiStream, type Methods } from '../door/method.ts';

export const executorLinkDefinition = ExecutorLinkServiceService;

/** armada.executor.v1.ExecutorLinkService: what we ask of our executors. */
export function executorLinkService(links: Links): Methods {
  return {
    link: bidiStream<LinkRequest, LinkResponse>('execute_jobs', (requests, send, { principal }) =>
      links.serve(principal, requests, send),
    ),
  };
}
