import { type HealthCheckResponse, HealthCheckResponse_ServingStatus } from '@armada-ts/api/api/health';
import type { HealthCheck } from '../operator/health.ts';

/** The answer of the Health methods that api.Submit and api.Event each have. */
export async function servingStatus(health: HealthCheck): Promise<HealthCheckResponse> {
  const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
  return { status: (await health()).length === 0 ? SERVING : NOT_SERVING };
}
