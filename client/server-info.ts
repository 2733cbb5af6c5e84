import { type GetServerInfoResponse, ServerInfoServiceService } from '@armada-ts/api/armada/server/v1/info';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

export type { GetServerInfoResponse };

/** Versions of the servers, their store, and what an answered submit survives. Throws UNIMPLEMENTED where a server does not tell. */
export async function getServerInfo(
  connection: Connection,
  options?: CallOptions,
): Promise<GetServerInfoResponse> {
  return callRepeatedly(connection, ServerInfoServiceService.getServerInfo, {}, options);
}
