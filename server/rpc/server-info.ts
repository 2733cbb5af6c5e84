import { ServerInfoServiceService } from '@armada-ts/api/armada/server/v1/info';
import { type ServerInfoDeps, serverInfo } from '../operator/server-info.ts';
import { type Methods, unary } from '../door/method.ts';

export const serverInfoDefinition = ServerInfoServiceService;

/** armada.server.v1.ServerInfoService: versions, the store, and what an answered submit survives. */
export function serverInfoService(deps: ServerInfoDeps): Methods {
  return {
    getServerInfo: unary('authenticated', () => Promise.resolve(serverInfo(deps))),
  };
}
