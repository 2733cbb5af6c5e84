/**
 * Queues: created once, changed whole, deleted when nothing lives in them. Each
 * change carries the version it was made from, so two people changing a queue
 * at once cannot undo each other unseen.
 */
import {
  type BatchQueueCreateResponse,
  type BatchQueueUpdateResponse,
  Queue,
  type QueueInfo,
} from '@armada-ts/api/api/queue';
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError } from '../base/errors.ts';
import { shown } from '../model/names.ts';
import { foldOwners, ownedQueue, queueFaults } from '../model/queue.ts';
import { MAX_ATTEMPTS, type SubmitDeps } from './deps.ts';
import { createFaultList, refuseIfFaulty } from './faults.ts';
import { queueFor, queueNotFound } from '../auth/queue-access.ts';
import { tooBusy } from './too-busy.ts';

type QueueDeps = Pick<SubmitDeps, 'store' | 'authorizer' | 'rules'>;

/** Priority factor of queues that a submit creates, as releases of 2021 had it. */
const AUTO_PRIORITY_FACTOR = 1000;

/** Throws PERMISSION_DENIED, INVALID_REQUEST or QUEUE_EXISTS. */
export async function createQueue(deps: QueueDeps, principal: Principal, queue: Queue): Promise<void> {
  deps.authorizer.demand(principal, 'create_queue');
  refuseFaultyQueue(queue);
  if (!(await add(deps, ownedQueue(queue, principal.name)))) {
    throw new ArmadaError('QUEUE_EXISTS', `queue ${shown(queue.name)} exists already; update it instead`);
  }
}

/** Replaces the whole definition. Throws PERMISSION_DENIED, INVALID_REQUEST, QUEUE_NOT_FOUND or CONFLICT. */
export async function updateQueue(deps: QueueDeps, principal: Principal, queue: Queue): Promise<void> {
  deps.authorizer.demand(principal, 'create_queue');
  refuseFaultyQueue(queue);
  const { createQueueOnUpdate } = deps.rules;
  if (createQueueOnUpdate && (await add(deps, ownedQueue(queue, principal.name)))) return;
  await change(deps, queue.name, () => foldOwners(queue));
}

/** Throws PERMISSION_DENIED, QUEUE_NOT_FOUND, QUEUE_NOT_EMPTY or CONFLICT. */
export async function deleteQueue(deps: QueueDeps, principal: Principal, name: string): Promise<void> {
  deps.authorizer.demand(principal, 'delete_queue');
  await change(deps, name, () => null);
}

/** Whether new jobs of the queue start. Throws PERMISSION_DENIED, QUEUE_NOT_FOUND or CONFLICT. */
export async function cordonQueue(
  deps: QueueDeps,
  principal: Principal,
  name: string,
  cordoned: boolean,
): Promise<void> {
  deps.authorizer.demand(principal, 'cordon_queue');
  await change(deps, name, (queue) => ({ ...queue, cordoned }));
}

/** Throws QUEUE_NOT_FOUND. */
export async function getQueue(deps: Pick<QueueDeps, 'store'>, name: string): Promise<Queue> {
  const found = await deps.store.read.queue(name);
  if (found === undefined) throw queueNotFound(name);
  return found.queue;
}

/** Queues by name. @param limit 0 for all */
export async function listQueues(deps: Pick<QueueDeps, 'store'>, limit: number): Promise<Queue[]> {
  const all = await deps.store.read.queues();
  return (limit === 0 ? all : all.slice(0, limit)).map(({ queue }) => queue);
}

/** Job sets of a queue that have live jobs. Throws QUEUE_NOT_FOUND or PERMISSION_DENIED. */
export async function queueInfo(deps: QueueDeps, principal: Principal, name: string): Promise<QueueInfo> {
  await queueFor(deps, principal, name, 'watch');
  const sets = await deps.store.read.activeJobSets(name);
  return {
    name,
    activeJobSets: sets.map(({ jobSet, queued, leased }) => ({
      name: jobSet,
      queuedJobs: queued,
      leasedJobs: leased,
    })),
  };
}

/** Creates each queue by itself and answers those that were refused. Throws PERMISSION_DENIED. */
export async function createQueues(
  deps: QueueDeps,
  principal: Principal,
  queues: readonly Queue[],
): Promise<BatchQueueCreateResponse> {
  return { failedQueues: await each(queues, (queue) => createQueue(deps, principal, queue)) };
}

/** Updates each queue by itself and answers those that were refused. Throws PERMISSION_DENIED. */
export async function updateQueues(
  deps: QueueDeps,
  principal: Principal,
  queues: readonly Queue[],
): Promise<BatchQueueUpdateResponse> {
  return { failedQueues: await each(queues, (queue) => updateQueue(deps, principal, queue)) };
}

/**
 * Creates the queue of a submit where that is configured, for callers who may
 * submit anywhere; otherwise does nothing.
 */
export async function autoCreateQueue(deps: QueueDeps, principal: Principal, name: string): Promise<void> {
  if (!deps.rules.autoCreateQueues || !deps.authorizer.may(principal, 'submit_any_jobs')) return;
  if ((await deps.store.read.queue(name)) !== undefined) return;
  await add(deps, Queue.create({ name, priorityFactor: AUTO_PRIORITY_FACTOR }));
}

function refuseFaultyQueue(queue: Queue): void {
  const faults = createFaultList();
  for (const { field, message } of queueFaults(queue)) faults.add(field, message);
  refuseIfFaulty(faults);
}

/** False when there is one of that name. */
async function add({ store }: QueueDeps, queue: Queue): Promise<boolean> {
  const record = Queue.encode(queue).finish();
  const result = await store.control({
    kind: Control_Kind.KIND_QUEUE,
    name: queue.name,
    expectedVersion: 0,
    record,
  });
  return result.outcome === 'applied';
}

/** Derives a queue from what it is, or deletes it when that gives null; again when somebody else was faster. */
async function change(
  { store }: QueueDeps,
  name: string,
  derive: (queue: Queue) => Queue | null,
): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const found = await store.read.queue(name);
    if (found === undefined) throw queueNotFound(name);
    const next = derive(found.queue);
    const record = next === null ? null : Queue.encode(next).finish();
    const result = await store.control({
      kind: Control_Kind.KIND_QUEUE,
      name,
      expectedVersion: found.version,
      record,
    });
    switch (result.outcome) {
      case 'applied':
        return;
      case 'not-empty':
        throw new ArmadaError(
          'QUEUE_NOT_EMPTY',
          `queue ${shown(name)} has live jobs (${result.liveJobs}); cancel them or wait for their end`,
        );
      case 'stale':
        break;
    }
  }
  throw tooBusy(`queue ${shown(name)}`);
}

async function each(
  queues: readonly Queue[],
  work: (queue: Queue) => Promise<void>,
): Promise<{ queue: Queue; error: string }[]> {
  const failed: { queue: Queue; error: string }[] = [];
  for (const queue of queues) {
    try {
      await work(queue);
    } catch (error) {
      // What concerns the caller or the server would hold for every queue.
      const isAboutQueue =
        error instanceof ArmadaError && error.code !== 'PERMISSION_DENIED' && error.code !== 'UNAVAILABLE';
      if (!isAboutQueue) throw error;
      failed.push({ queue, error: error.message });
    }
  }
  return failed;
}
