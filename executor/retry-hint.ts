import type { ServiceError } from '@grpc/grpc-js';
import { RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';

/** Longer hints are not heeded: whatever a server says, the executor looks again. */
const MAX_HINT_MS = 30_000;

/** When a server that has too much to do wants to be asked again, in milliseconds from now; undefined when it does not say. */
export function retryHintMs(error: ServiceError): number | undefined {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const detail = Status.decode(bytes).details.find(({ typeUrl }) =>
      typeUrl.endsWith('/google.rpc.RetryInfo'),
    );
    const delay = detail && RetryInfo.decode(detail.value).retryDelay;
    if (!delay) return undefined;
    return Math.min(Number(delay.seconds) * 1000 + delay.nanos / 1e6, MAX_HINT_MS);
  } catch {
    // Details of a form that we do not know say nothing to us.
    return undefined;
  }
}
