import { type HealthCheckResponse, HealthCheckResponse_ServingStatus } from '@armada-ts/api/api/health';
import type { Empty } from '@armada-ts/api/google/protobuf/empty';
import type { handleUnaryCall } from '@grpc/grpc-js';
import type { HealthCheck } from '../operator/health.ts';
import { type Door, unary } from './call.ts';

/** The Health method that api.Submit and api.Event each have. */
export function healthMethod(door: Door, health: HealthCheck): handleUnaryCall<Empty, HealthCheckResponse> {
  return unary(door, 'authenticated', async () => {
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    return { status: (await health()).length === 0 ? SERVING : NOT_SERVING };
  });
}
