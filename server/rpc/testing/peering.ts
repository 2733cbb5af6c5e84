/** Servers that have nothing but what they ask of each other, over real gRPC. */
import { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import { anonymousScheme } from '../../auth/anonymous.ts';
import { createAuthorizer } from '../../auth/authorizer.ts';
import { createChain } from '../../auth/chain.ts';
import { standaloneAuth } from '../../auth/config.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { createHolders, type Holders } from '../../lease/holders.ts';
import { type Channels, createChannels } from '../../peers/channels.ts';
import { askWhoHolds } from '../../peers/hold.ts';
import type { OwnLinks } from '../../peers/logs.ts';
import type { Members } from '../../peers/members.ts';
import { createRelay, type Relay } from '../../peers/relay.ts';
import { createTaking, type Taking } from '../../peers/taking.ts';
import type { Fleet } from '../../peers/testing/fleet.ts';
import { createPeerTokens } from '../../peers/token.ts';
import { peerDefinition, peerService } from '../peers.ts';
import { createGrpcServer } from '../server.ts';

export interface PeerServer extends AsyncDisposable {
  id: string;
  address: string;
  members: Members;
  channels: Channels;
  holders: Holders;
  relay: Relay;
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

/** Starts one, which joins the fleet. */
export async function startPeer(
  fleet: Fleet,
  id: string,
  parts: { links?: OwnLinks; wrap?: (taking: Taking) => Taking } = {},
): Promise<PeerServer> {
  const { links = noLinks, wrap = (taking) => taking } = parts;
  const seen: string[] = [];
  const stopping = new AbortController();
  const members = fleet.join(id);
  const tokens = createPeerTokens(SECRET, id, systemClock);
  const channels = createChannels({ members, tokens, clock: systemClock, logger: silentLogger });
  const taking = createTaking(members, (sighting) => {
    const { maxJobsToLease } = LeaseRequest.decode(sighting.encoded());
    seen.push(`${sighting.executorId} ${maxJobsToLease}${sighting.isRepeated ? ' repeated' : ''}`);
  });
  const holders = createHolders((stream) => askWhoHolds(channels, stream));
  const relay = createRelay({ members, channels, taking });
  const door = {
    chain: createChain([anonymousScheme]),
    authorizer: createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth }),
    callerOf: (token: string) => tokens.callerOf(token),
    logger: silentLogger,
    stopping: stopping.signal,
    newRequestId: () => 'id',
  };
  const implementation = peerService(door, { taking: wrap(taking), links, holders });
  const grpc = createGrpcServer([{ definition: peerDefinition, implementation }], {
    maxRequestBytes: 64 * 1024,
    clock: systemClock,
    logger: silentLogger,
  });
  const port = await grpc.listen('127.0.0.1', 0);
  const address = `127.0.0.1:${port}`;
  members.listen(address);
  const kill = async (): Promise<void> => {
    relay.close();
    channels.close();
    stopping.abort();
    await grpc.close();
  };
  return { id, address, members, channels, holders, relay, seen, kill, [Symbol.asyncDispose]: kill };
}
