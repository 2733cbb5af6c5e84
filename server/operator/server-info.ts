import type { GetServerInfoResponse, Server } from '@armada-ts/api/armada/server/v1/info';
import type { ServerRecord } from '../store/servers.ts';
import type { Store } from '../store/store.ts';

export interface ServerInfoDeps {
  store: Pick<Store, 'info'>;
  members: {
    readonly self: ServerRecord;
    others(): readonly ServerRecord[];
    leader(): ServerRecord | undefined;
  };
  /** What people should know though all is well, beyond what the store says. */
  notices: () => readonly string[];
}

/** What this server tells of itself, its store, and the others of that store. */
export function serverInfo({ store, members, notices: further }: ServerInfoDeps): GetServerInfoResponse {
  const { name, acknowledgement, notices } = store.info;
  const { self } = members;
  const leaderId = members.leader()?.id;
  const shown = ({ id, name, version, address }: ServerRecord): Server => ({
    name,
    version,
    address,
    leads: id === leaderId,
  });
  return {
    name: self.name,
    version: self.version,
    store: name,
    acknowledgement,
    notices: [...notices, ...further()],
    servers: [self, ...members.others()].map(shown),
  };
}

/** The same for people, a line each. */
export function describeServer(info: GetServerInfoResponse): string[] {
  return [
    `store ${info.store}, acknowledgement ${info.acknowledgement}`,
    ...info.servers.map(
      ({ name, version, address, leads }) =>
        `server ${name} ${version} at ${address}${leads ? ', leads' : ''}`,
    ),
  ];
}
