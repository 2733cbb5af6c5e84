import type { QueueInfoRequest } from '@armada-ts/api/api/queue';
import {
  type JobCancelRequest,
  type JobPreemptRequest,
  type JobReprioritizeRequest,
  type JobSetCancelRequest,
  JobSubmitRequest,
  SubmitService,
} from '@armada-ts/api/api/submit';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { encodeMessage } from '../model/encode.ts';
import { cancelJobSet, cancelJobs } from '../submit/cancel.ts';
import type { SubmitDeps } from '../submit/deps.ts';
import { preemptJobs } from '../submit/preempt.ts';
import { queueInfo } from '../submit/queues.ts';
import { reprioritizeJobs } from '../submit/reprioritize.ts';
import { decodeSubmit, type ReceivedSubmit } from '../submit/received.ts';
import { submitJobs } from '../submit/submit.ts';
import type { HealthCheck } from '../operator/health.ts';
import { type Methods, unary } from '../door/method.ts';
import { servingStatus } from './health.ts';
import { queueMethods } from './queues.ts';

/** Of a submit request the bytes are kept: see decodeSubmit. */
export const submitDefinition = {
  ...SubmitService,
  submitJobs: {
    ...SubmitService.submitJobs,
    // Doors that do not get a request in these bytes make them.
    requestSerialize: (request: JobSubmitRequest) => encodeMessage(JobSubmitRequest, request),
    requestDeserialize: decodeSubmit,
  },
} satisfies ServiceDefinition;

export function submitService(deps: SubmitDeps, health: HealthCheck): Methods {
  return {
    ...queueMethods(deps),
    submitJobs: unary('queue:submit', (request: ReceivedSubmit, { principal, traceparent }) =>
      submitJobs(deps, principal, taken(request), traceparent),
    ),
    cancelJobs: unary('queue:cancel', (request: JobCancelRequest, { principal }) =>
      cancelJobs(deps, principal, request),
    ),
    cancelJobSet: unary('queue:cancel', async (request: JobSetCancelRequest, { principal }) => {
      await cancelJobSet(deps, principal, request);
      return {};
    }),
    reprioritizeJobs: unary('queue:reprioritize', (request: JobReprioritizeRequest, { principal }) =>
      reprioritizeJobs(deps, principal, request),
    ),
    preemptJobs: unary('queue:preempt', (request: JobPreemptRequest, { principal }) =>
      preemptJobs(deps, principal, request),
    ),
    getQueueInfo: unary('queue:watch', ({ name }: QueueInfoRequest, { principal }) =>
      queueInfo(deps, principal, name),
    ),
    health: unary('authenticated', () => servingStatus(health)),
  };
}

/**
 * The request in an object of its own. The call holds what it was sent until it
 * is answered, and the bytes of requests that wait for the disk are not needed
 * any more.
 */
function taken(request: ReceivedSubmit): ReceivedSubmit {
  const own = { ...request };
  request.items = [];
  return own;
}
