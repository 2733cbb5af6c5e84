import { Status } from '@armada-ts/api/google/rpc/status';
import { Metadata, type status } from '@grpc/grpc-js';
import type { CallStatus } from '../door/errors.ts';

/** What grpc-js ends a call with. */
export interface WireError {
  code: status;
  details: string;
  metadata: Metadata;
}

/** The status as it travels, its details in the grpc-status-details-bin trailer. */
export function toWireError({ code, message, details, requestId }: CallStatus): WireError {
  const metadata = new Metadata();
  if (requestId !== '') metadata.set('x-request-id', requestId);
  if (details.length > 0) {
    // Go takes the message out of the status, and Python insists that both are equal.
    metadata.set('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details }).finish()));
  }
  return { code, details: message, metadata };
}
