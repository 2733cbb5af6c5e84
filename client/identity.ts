import { type GetIdentityResponse, IdentityServiceService } from '@armada-ts/api/armada/auth/v1/identity';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

export type { GetIdentityResponse };

/**
 * Who the server takes the caller for, and what they may do everywhere. Throws
 * UNAUTHENTICATED with what the server would take where it lets nobody in by these
 * credentials, UNIMPLEMENTED where a server does not tell.
 */
export async function getIdentity(
  connection: Connection,
  options?: CallOptions,
): Promise<GetIdentityResponse> {
  return callRepeatedly(connection, IdentityServiceService.getIdentity, {}, options);
}
