/**
 * Connections to the other servers, made when they are first needed and let go
 * of when their server is gone. To each one for what is short or in a hurry and
 * one for logs: a connection has room for a number of streams only, and followed
 * logs stay open for hours.
 */
import { PeerServiceClient } from '@armada-ts/api/armada/server/v1/peers';
import { type ChannelCredentials, type ChannelOptions, Metadata } from '@grpc/grpc-js';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Member, Members } from './members.ts';
import type { PeerTokens } from './token.ts';

/** Another living server. */
export interface Peer {
  readonly member: Member;
  readonly client: PeerServiceClient;
  readonly logClient: PeerServiceClient;
  /** Of one call: it shows who is calling. */
  metadata(): Metadata;
  /** Of one call that must be over in so many milliseconds. */
  deadline(ms: number): { deadline: number };
  /** Aborts when the server is gone, or this one stops: calls under way are to end. */
  readonly gone: AbortSignal;
  /** A call to it has failed although it is alive by the store's word. */
  failed(error: unknown): void;
}

export interface Channels {
  /** All that are alive, without this one. */
  all(): Peer[];
  /** The one that has this id, if it is alive. */
  find(id: string): Peer | undefined;
  close(): void;
}

export interface ChannelDeps {
  members: Members;
  tokens: PeerTokens;
  /** How servers talk to each other. */
  credentials: ChannelCredentials;
  clock: Clock;
  logger: Logger;
}

/**
 * Calls are never resent by the library, connections are tried again soon, and a
 * server that vanished without a word is noticed within some seconds even where
 * the store has not said so. Servers reach each other without a proxy.
 */
const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  // Otherwise the connection for logs would be the other one.
  'grpc.use_local_subchannel_pool': 1,
};

/** A server whose calls fail for longer than it takes to be gone is worth a word, and again while it goes on. */
const FAILING_MS = 5_000;
const LOG_EVERY_MS = 60_000;

/** Failures further apart are not the same story. */
const FORGIVEN_MS = 30_000;

interface OpenPeer extends Peer {
  close(): void;
}

export function createChannels(deps: ChannelDeps): Channels {
  const { members } = deps;
  const open = new Map<string, OpenPeer>();
  let isClosed = false;
  const letGo = (): void => {
    const alive = new Set(members.others().map(({ id }) => id));
    for (const [id, peer] of open) {
      if (alive.has(id)) continue;
      open.delete(id);
      peer.close();
    }
  };
  const leave = members.subscribe(letGo);
  const peerOf = (member: Member): Peer => {
    let peer = open.get(member.id);
    if (!peer) {
      peer = openPeer(member, deps);
      open.set(member.id, peer);
    }
    return peer;
  };
  return {
    all: () => (isClosed ? [] : members.others().map(peerOf)),
    find(id) {
      const member = isClosed ? undefined : members.others().find((one) => one.id === id);
      return member && peerOf(member);
    },
    close() {
      isClosed = true;
      leave();
      for (const peer of open.values()) peer.close();
      open.clear();
    },
  };
}

function openPeer(member: Member, { tokens, credentials, clock, logger }: ChannelDeps): OpenPeer {
  const gone = new AbortController();
  const clients: { short?: PeerServiceClient; log?: PeerServiceClient } = {};
  const connect = (): PeerServiceClient =>
    new PeerServiceClient(member.address, credentials, CHANNEL_OPTIONS);
  const tell = createFailureLog(clock, (error) => {
    const { name, address } = member;
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ server: name, address, reason }, 'another server does not answer at its address');
  });
  return {
    member,
    gone: gone.signal,
    get client() {
      return (clients.short ??= connect());
    },
    get logClient() {
      return (clients.log ??= connect());
    },
    metadata() {
      const metadata = new Metadata();
      metadata.set('armada-peer', tokens.tokenFor(member.id));
      return metadata;
    },
    deadline: (ms) => ({ deadline: clock.now() + ms }),
    failed(error) {
      if (!gone.signal.aborted) tell(error);
    },
    close() {
      gone.abort();
      clients.short?.close();
      clients.log?.close();
    },
  };
}

/** Tells of failures that go on; returns what is told of each. */
function createFailureLog(clock: Clock, tell: (error: unknown) => void): (error: unknown) => void {
  let sinceMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  let toldMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = clock.elapsed();
    if (nowMs - lastMs > FORGIVEN_MS) sinceMs = nowMs;
    lastMs = nowMs;
    if (nowMs - sinceMs < FAILING_MS || nowMs - toldMs < LOG_EVERY_MS) return;
    toldMs = nowMs;
    tell(error);
  };
}
