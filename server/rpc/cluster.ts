import {
  ClusterServiceService,
  type GetConfigurationRequest,
  type GetVersionRequest,
  type RemovePeerRequest,
} from '@armada-ts/api/armada/operator/v1/cluster';
import { type Methods, unary } from '../door/method.ts';
import { type ClusterDeps, clusterConfiguration, removeServer } from '../operator/cluster.ts';
import { type VersionDeps, versionFor } from '../operator/version.ts';

export const clusterDefinition = ClusterServiceService;

/** armada.operator.v1.ClusterService: the servers of the store, and what this one is. */
export function clusterService(cluster: ClusterDeps, version: VersionDeps): Methods {
  return {
    getConfiguration: unary('operate', ({ stale }: GetConfigurationRequest) =>
      clusterConfiguration(cluster, stale),
    ),
    removePeer: unary('operate', async ({ address }: RemovePeerRequest) => {
      await removeServer(cluster, address);
      return {};
    }),
    getVersion: unary('operate', ({ clientVersion }: GetVersionRequest, { header }) =>
      versionFor(version, clientVersion || (header('armada-client-version') ?? '')),
    ),
  };
}
