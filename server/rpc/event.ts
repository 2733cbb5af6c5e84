import type { JobSetRequest, WatchRequest } from '@armada-ts/api/api/event';
import { EventService } from '@armada-ts/api/api/event';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { type EventsDeps, jobSetEvents } from '../events/watch.ts';
import { countFramed } from '../base/framing.ts';
import type { HealthCheck } from '../operator/health.ts';
import { type Methods, serverStream, unary } from '../door/method.ts';
import { alreadyFramed } from '../door/framed.ts';
import { servingStatus } from './health.ts';

const { getJobSetEvents, watch, health } = EventService;

/** Pieces are large, so whoever is slow is given one at a time. */
const PIECES_AT_ONCE = 1;

/** api.Event without the methods of the 2021 executor protocol. */
export const eventDefinition = {
  getJobSetEvents: { ...getJobSetEvents, responseSerialize: alreadyFramed },
  watch: { ...watch, responseSerialize: alreadyFramed },
  health,
} satisfies ServiceDefinition;

export function eventService(deps: EventsDeps, health: HealthCheck): Methods {
  return {
    getJobSetEvents: serverStream(
      'queue:watch',
      (request: JobSetRequest, { principal, signal, onQueue }) => {
        const { queue, id: jobSet, fromMessageId, watch, errorIfMissing } = request;
        onQueue(queue);
        return jobSetEvents(deps, principal, { queue, jobSet, fromMessageId, watch, errorIfMissing }, signal);
      },
      PIECES_AT_ONCE,
      countFramed,
    ),
    watch: serverStream(
      'queue:watch',
      (request: WatchRequest, { principal, signal, onQueue }) => {
        const { queue, jobSetId: jobSet, fromId: fromMessageId } = request;
        onQueue(queue);
        const wanted = { queue, jobSet, fromMessageId, watch: true, errorIfMissing: true };
        return jobSetEvents(deps, principal, wanted, signal);
      },
      PIECES_AT_ONCE,
      countFramed,
    ),
    health: unary('authenticated', () => servingStatus(health)),
  };
}
