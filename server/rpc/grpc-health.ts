import { setTimeout as sleep } from 'node:timers/promises';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
  HealthService,
} from '@armada-ts/api/grpc/health/v1/health';
import { ArmadaError } from '../base/errors.ts';
import { type Methods, serverStream, unary } from '../door/method.ts';
import type { HealthCheck } from '../operator/health.ts';

export const grpcHealthDefinition = HealthService;

/** How often watchers have the state looked at, all of them together. */
const LOOK_EVERY_MS = 1000;

/** Nobody has to say who they are for it: they are to leave most of the room for streams to those who do. */
const MAX_WATCHERS = 4096;

/**
 * The health service that probes of gRPC know. All services of a server share its state.
 * @param names of the services, in full
 */
export function grpcHealthService(
  health: HealthCheck,
  names: readonly string[],
  maxWatchers = MAX_WATCHERS,
): Methods {
  const known = new Set(['', ...names]);
  const look = (): Promise<HealthCheckResponse> => responseOf(health);
  const lookTogether = shared(look);
  let watchers = 0;
  async function* counted(states: () => AsyncGenerator<HealthCheckResponse>) {
    if (watchers >= maxWatchers) {
      const retryAfterMs = 10 * LOOK_EVERY_MS;
      throw new ArmadaError('OVERLOADED', 'too many watch already; ask now and then', { retryAfterMs });
    }
    watchers++;
    try {
      yield* states();
    } finally {
      watchers--;
    }
  }
  return {
    check: unary('anyone', ({ service }: HealthCheckRequest) => {
      if (!known.has(service)) throw new ArmadaError('SERVICE_NOT_FOUND', `there is no service "${service}"`);
      return look();
    }),
    list: unary('anyone', async () => {
      const response = await look();
      return { statuses: new Map([...known].map((name) => [name, response])) };
    }),
    watch: serverStream('anyone', ({ service }: HealthCheckRequest, { signal }) =>
      counted(() => (known.has(service) ? changes(lookTogether, signal) : unknownUntil(signal))),
    ),
  };
}

async function responseOf(health: HealthCheck): Promise<HealthCheckResponse> {
  const faults = await health().catch(() => ['the state of health could not be found out']);
  return { status: faults.length === 0 ? Serving.SERVING : Serving.NOT_SERVING };
}

/** The same answer for all who ask within the time between two looks. */
function shared(look: () => Promise<HealthCheckResponse>): () => Promise<HealthCheckResponse> {
  let last: Promise<HealthCheckResponse> | undefined;
  return () => {
    if (!last) {
      last = look();
      setTimeout(() => (last = undefined), LOOK_EVERY_MS / 2).unref();
    }
    return last;
  };
}

async function* changes(
  look: () => Promise<HealthCheckResponse>,
  signal: AbortSignal,
): AsyncGenerator<HealthCheckResponse> {
  let told: HealthCheckResponse['status'] | undefined;
  while (!signal.aborted) {
    const response = await look();
    if (response.status !== told) yield response;
    told = response.status;
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** No service comes while a server runs, but whoever watches one wants to be told no more than that. */
async function* unknownUntil(signal: AbortSignal): AsyncGenerator<HealthCheckResponse> {
  yield { status: Serving.SERVICE_UNKNOWN };
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
}
