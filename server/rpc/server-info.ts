import { ServerInfoServiceService } from '@armada-ts/api/armada/server/v1/info';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { type ServerInfoDeps, serverInfo } from '../operator/server-info.ts';
import { type Door, unary } from './call.ts';

export const serverInfoDefinition = ServerInfoServiceService;

/** armada.server.v1.ServerInfoService: versions, the store, and what an answered submit survives. */
export function serverInfoService(door: Door, deps: ServerInfoDeps): UntypedServiceImplementation {
  return {
    getServerInfo: unary(door, 'authenticated', () => Promise.resolve(serverInfo(deps))),
  };
}
