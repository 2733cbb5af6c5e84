import { ConnectError } from '@connectrpc/connect';
import { type Door, type Incoming, refusalOf } from '../../door/call.ts';

/** Whatever was thrown, as the library tells it in each of its protocols. Its codes are those of gRPC. */
export function connectError(door: Door, error: unknown, incoming: Incoming): ConnectError {
  const { code, message, details, requestId, challenges } = refusalOf(door, error, incoming);
  const headers = new Headers();
  // Elsewhere it stands in the headers of every answer.
  if (incoming.protocol === 'grpc') headers.set('x-request-id', requestId);
  for (const challenge of challenges) headers.append('www-authenticate', challenge);
  const refusal = new ConnectError(message, code as number, headers);
  refusal.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value: Uint8Array.from(value),
  }));
  return refusal;
}
