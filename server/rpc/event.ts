import type { JobSetRequest, WatchRequest } from '@armada-ts/api/api/event';
import { EventService } from '@armada-ts/api/api/event';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { EncodedEvent } from '../events/hub.ts';
import { type EventsDeps, jobSetEvents } from '../events/watch.ts';
import type { HealthCheck } from '../operator/health.ts';
import { type CallContext, type Door, serverStream, unary } from './call.ts';
import { servingStatus } from './health.ts';

const { getJobSetEvents, watch, health } = EventService;

/** Events arrive here encoded, once for all their watchers. */
const alreadyEncoded = (event: EncodedEvent): Buffer => {
  const { buffer, byteOffset, byteLength } = event.bytes;
  return Buffer.from(buffer, byteOffset, byteLength);
};

/** api.Event without the methods of the 2021 executor protocol. */
export const eventDefinition = {
  getJobSetEvents: { ...getJobSetEvents, responseSerialize: alreadyEncoded },
  watch: { ...watch, responseSerialize: alreadyEncoded },
  health,
} satisfies ServiceDefinition;

export function eventService(
  door: Door,
  deps: EventsDeps,
  health: HealthCheck,
): UntypedServiceImplementation {
  return {
    getJobSetEvents: serverStream(door, 'queue:watch', (request: JobSetRequest, context) =>
      flatten(deps, context, {
        queue: request.queue,
        jobSet: request.id,
        fromMessageId: request.fromMessageId,
        watch: request.watch,
        errorIfMissing: request.errorIfMissing,
      }),
    ),
    watch: serverStream(door, 'queue:watch', (request: WatchRequest, context) =>
      flatten(deps, context, {
        queue: request.queue,
        jobSet: request.jobSetId,
        fromMessageId: request.fromId,
        watch: true,
        errorIfMissing: true,
      }),
    ),
    health: unary(door, 'authenticated', () => servingStatus(health)),
  };
}

async function* flatten(
  deps: EventsDeps,
  { principal, signal }: CallContext,
  request: Parameters<typeof jobSetEvents>[2],
): AsyncGenerator<EncodedEvent> {
  for await (const events of jobSetEvents(deps, principal, request, signal)) yield* events;
}
