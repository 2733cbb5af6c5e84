import {
  type Queue,
  type QueueCancelRequest,
  type QueueCordonRequest,
  type QueueDeleteRequest,
  type QueueGetRequest,
  type QueueList,
  type QueuePreemptRequest,
  QueueServiceService,
  type QueueUncordonRequest,
  type StreamingQueueGetRequest,
  type StreamingQueueMessage,
} from '@armada-ts/api/api/queue';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { SubmitDeps } from '../submit/deps.ts';
import { cancelOnQueue, preemptOnQueue } from '../submit/fleet.ts';
import {
  cordonQueue,
  createQueue,
  createQueues,
  deleteQueue,
  getQueue,
  listQueues,
  updateQueue,
  updateQueues,
} from '../submit/queues.ts';
import { type Methods, serverStream, unary } from '../door/method.ts';

export const queueServiceDefinition = QueueServiceService satisfies ServiceDefinition;

/** The queue methods that api.Submit and api.QueueService share. */
export function queueMethods(deps: SubmitDeps): Methods {
  return {
    createQueue: unary('create_queue', async (queue: Queue, { principal }) => {
      await createQueue(deps, principal, queue);
      return {};
    }),
    createQueues: unary('create_queue', ({ queues }: QueueList, { principal }) =>
      createQueues(deps, principal, queues),
    ),
    updateQueue: unary('create_queue', async (queue: Queue, { principal }) => {
      await updateQueue(deps, principal, queue);
      return {};
    }),
    updateQueues: unary('create_queue', ({ queues }: QueueList, { principal }) =>
      updateQueues(deps, principal, queues),
    ),
    deleteQueue: unary('delete_queue', async ({ name }: QueueDeleteRequest, { principal }) => {
      await deleteQueue(deps, principal, name);
      return {};
    }),
    getQueue: unary('authenticated', ({ name }: QueueGetRequest) => getQueue(deps, name)),
    getQueues: serverStream('authenticated', ({ num }: StreamingQueueGetRequest) => streamQueues(deps, num)),
  };
}

/** api.QueueService. */
export function queueService(deps: SubmitDeps): Methods {
  return {
    ...queueMethods(deps),
    cordonQueue: unary('cordon_queue', async ({ name }: QueueCordonRequest, { principal }) => {
      await cordonQueue(deps, principal, name, true);
      return {};
    }),
    uncordonQueue: unary('cordon_queue', async ({ name }: QueueUncordonRequest, { principal }) => {
      await cordonQueue(deps, principal, name, false);
      return {};
    }),
    cancelOnQueue: unary('cancel_any_jobs', async (request: QueueCancelRequest, { principal }) => {
      await cancelOnQueue(deps, principal, request);
      return {};
    }),
    preemptOnQueue: unary('preempt_any_jobs', async (request: QueuePreemptRequest, { principal }) => {
      await preemptOnQueue(deps, principal, request);
      return {};
    }),
  };
}

/** All queues, then the end marker that clients wait for. */
async function* streamQueues(deps: SubmitDeps, limit: number): AsyncGenerator<StreamingQueueMessage> {
  for (const queue of await listQueues(deps, limit)) yield { event: { $case: 'queue', value: queue } };
  yield { event: { $case: 'end', value: {} } };
}
