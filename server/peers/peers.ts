import type { ExecutorStream } from '@armada-ts/api/armada/server/v1/peers';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type Channels, createChannels } from './channels.ts';
import { askWhoHolds, type HoldAnswer } from './hold.ts';
import type { Members } from './members.ts';
import { createRelay, type Relay } from './relay.ts';
import { createTaking, type Taking, type TakingDeps } from './taking.ts';
import { createPeerTokens } from './token.ts';

/** What one server has to do with the others. */
export interface Peers {
  readonly channels: Channels;
  /** What executors show here, on its way to the leader. */
  readonly relay: Relay;
  /** What they show anywhere, while this server leads. */
  readonly taking: Taking;
  /** Id of the server that made a token; undefined when it is not to be believed. */
  callerOf(token: string): string | undefined;
  /** What the others say of a stream that an executor has opened here. */
  askWhoHolds(stream: ExecutorStream): Promise<HoldAnswer>;
  /** Calls back when another server has come, or is back. Returns the way out. */
  subscribe(listener: () => void): () => void;
  /** Ends all calls to the others. */
  close(): void;
}

export interface PeersDeps extends TakingDeps {
  /** Of the store: what servers know each other by. */
  secret: Uint8Array;
  /** How servers talk to each other; plainly when left out. */
  credentials?: ChannelCredentials | undefined;
  clock: Clock;
  logger: Logger;
}

export function createPeers(deps: PeersDeps): Peers {
  const { members, leadership, secret, clock, logger } = deps;
  const tokens = createPeerTokens(secret, members.self.id, clock);
  const channels = createChannels({
    members,
    tokens,
    credentials: deps.credentials ?? credentials.createInsecure(),
    clock,
    logger,
  });
  const taking = createTaking(deps);
  const relay = createRelay({ members, leadership, channels, taking, clock });
  return {
    channels,
    relay,
    taking,
    callerOf: (token) => tokens.callerOf(token),
    askWhoHolds: (stream) => askWhoHolds(channels, stream),
    subscribe: (listener) => whenOneComes(members, listener),
    close() {
      relay.close();
      channels.close();
    },
  };
}

function whenOneComes(members: Members, listener: () => void): () => void {
  let known: ReadonlySet<string> = new Set();
  const look = (): boolean => {
    const before = known;
    known = new Set(members.others().map(({ id }) => id));
    return [...known].some((id) => !before.has(id));
  };
  look();
  return members.subscribe(() => {
    if (look()) listener();
  });
}
