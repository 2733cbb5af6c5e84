/** Servers that have nothing but what they ask of each other, over real gRPC. */
import { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import { type Clock, systemClock } from '../../base/clock.ts';
import { withLevels } from '../../base/log-levels.ts';
import { silentLogger } from '../../base/logger.ts';
import { calmAdmission, openDoor } from '../../door/testing/doors.ts';
import { createHolders, type Holders } from '../../lease/holders.ts';
import type { OwnLinks } from '../../peers/logs.ts';
import type { Members } from '../../peers/members.ts';
import { createPeers, type Peers } from '../../peers/peers.ts';
import type { Taking } from '../../peers/taking.ts';
import type { Fleet } from '../../peers/testing/fleet.ts';
import { peerDefinition, type PeerDeps, peerService } from '../peers.ts';
import { createGrpcServer } from '../../grpc/server.ts';

export interface PeerServer extends AsyncDisposable {
  id: string;
  address: string;
  members: Members;
  peers: Peers;
  holders: Holders;
  /** What its scheduler was told: executor, maxJobsToLease, and whether it was repeated. */
  seen: string[];
  /** Stops answering, as a dead process does. */
  kill(): Promise<void>;
}

export const SECRET = Buffer.from('secret of the store');

const noLinks: OwnLinks = {
  has: () => false,
  readLog: () => {
    throw new Error('asked for a log that it has not');
  },
};

interface PeerParts extends Pick<PeerDeps, 'links' | 'askScheduler' | 'logLevels'> {
  wrap: (taking: Taking) => Taking;
  clock: Clock;
}

const unasked: PeerDeps['askScheduler'] = () => {
  throw new Error('asked for what its scheduler knows');
};

/** Starts one, which joins the fleet. */
export async function startPeer(
  fleet: Fleet,
  id: string,
  parts: Partial<PeerParts> = {},
): Promise<PeerServer> {
  const { links = noLinks, wrap = (taking) => taking, clock = systemClock } = parts;
  const { askScheduler = unasked, logLevels = withLevels(silentLogger, 'info').levels } = parts;
  const seen: string[] = [];
  const stopping = new AbortController();
  const members = fleet.join(id);
  const tools = { clock, logger: silentLogger };
  const peers = createPeers({
    members,
    leadership: members.leadership,
    secret: SECRET,
    see(sighting) {
      const { maxJobsToLease } = LeaseRequest.decode(sighting.encoded());
      seen.push(`${sighting.executorId} ${maxJobsToLease}${sighting.isRepeated ? ' repeated' : ''}`);
    },
    ...tools,
  });
  const holders = createHolders(peers);
  const door = openDoor({ callerOf: (token) => peers.callerOf(token), stopping: stopping.signal });
  const methods = peerService({
    taking: wrap(peers.taking),
    links,
    holders,
    askScheduler,
    logLevels,
    signingKeys: () => [],
  });
  const deps = { maxRequestBytes: 64 * 1024, admission: calmAdmission(), door };
  const grpc = createGrpcServer([{ definition: peerDefinition, methods }], deps);
  const address = `127.0.0.1:${await grpc.listen('127.0.0.1', 0)}`;
  members.listen(address);
  const kill = async (): Promise<void> => {
    peers.close();
    stopping.abort();
    await grpc.close();
  };
  return { id, address, members, peers, holders, seen, kill, [Symbol.asyncDispose]: kill };
}
