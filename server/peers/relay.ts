/**
 * What the executors show whose streams are here, on its way to whoever leads:
 * to the scheduler of this server, or to another server.
 *
 * Of each executor the newest request is kept while it has a stream here. One at
 * a time is on its way; what is shown meanwhile waits, the newest of each
 * executor alone, so a leader that is slow gets less and never what is old.
 * Whoever begins to lead, and every new link to a leader, is shown at once what
 * is kept, marked as repeated. What was on its way when a link broke is sent
 * again, unless the executor has left: then the server it went to knows better.
 */
import type { ExecutorStream } from '@armada-ts/api/armada/server/v1/peers';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Channels, Peer } from './channels.ts';
import type { Members } from './members.ts';
import { openSeeLink, type SeeLink } from './see-link.ts';
import type { Leadership, Taking } from './taking.ts';

export interface Relay {
  /**
   * A stream of an executor has been opened here.
   * @param end called when nothing that is shown here gets to the leader
   */
  open(stream: ExecutorStream, end: (error: ArmadaError) => void): Showing;
  close(): void;
}

/** What one stream shows. */
export interface Showing {
  /** @param bytes an encoded executorapi.LeaseRequest, which is copied */
  see(bytes: Uint8Array): void;
  /** The stream has ended. */
  close(): void;
}

export interface RelayDeps {
  members: Members;
  channels: Channels;
  /** Of this server, and where sightings go while it leads. */
  leadership: Leadership;
  taking: Taking;
  clock: Clock;
}

/** Sightings on their way to the leader. Of most executors they are some KiB. */
const MAX_ON_THEIR_WAY = 16;

/** Executors without a stream here whose newest request may wait for a leader. */
const MAX_KEPT = 10_000;

const RETRY_MS = 100;
const MAX_RETRY_MS = 500;

/** A server that cannot reach a living leader for so long is of no use to executors. */
const CUT_OFF_MS = 10_000;

/** An executor with a stream here, or with a request that has not been taken in yet. */
interface Shown {
  /** Open ones, by the way to end them. */
  readonly streams: Set<(error: ArmadaError) => void>;
  /** That showed the newest request. */
  stream: ExecutorStream;
  bytes: Uint8Array;
  /** What is on its way, and what waits. */
  sent: Kind | undefined;
  due: Kind | undefined;
}

type Kind = 'fresh' | 'repeated';

interface RelayState {
  readonly deps: RelayDeps;
  readonly shown: Map<string, Shown>;
  /** Ids of the executors with something due, in the order in which it came. */
  readonly due: Set<string>;
  onTheirWay: number;
  /** Id of the server to which sightings go, this one or another. */
  leaderId: string | undefined;
  link: SeeLink | undefined;
  /** Monotonic: since when no link to the leader could be opened. */
  cutOffSinceMs: number | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
  isClosed: boolean;
}

export function createRelay(deps: RelayDeps): Relay {
  const state: RelayState = {
    deps,
    shown: new Map(),
    due: new Set(),
    onTheirWay: 0,
    leaderId: undefined,
    link: undefined,
    cutOffSinceMs: undefined,
    failures: 0,
    timer: undefined,
    isClosed: false,
  };
  const follow = (): void => followLeader(state);
  const leaves = [deps.members.subscribe(follow), deps.leadership.subscribe(follow)];
  follow();
  return {
    open: (stream, end) => openShowing(state, stream, end),
    close() {
      state.isClosed = true;
      for (const leave of leaves) leave();
      clearTimeout(state.timer);
      state.link?.end();
      state.link = undefined;
    },
  };
}

function openShowing(state: RelayState, stream: ExecutorStream, end: (error: ArmadaError) => void): Showing {
  const { executorId } = stream;
  let shown: Shown | undefined;
  return {
    see(bytes) {
      if (!shown) {
        shown = state.shown.get(executorId) ?? emptyShown(stream);
        shown.streams.add(end);
        state.shown.set(executorId, shown);
      }
      shown.stream = stream;
      // A buffer of many messages would be kept along with a small one.
      shown.bytes = new Uint8Array(bytes);
      shown.due = 'fresh';
      if (!shown.sent) state.due.add(executorId);
      pump(state);
    },
    close() {
      if (!shown) return;
      shown.streams.delete(end);
      // Where it went they know better; a Go executor has gone nowhere, its streams are short.
      const isWanted = stream.session === '' && state.shown.size <= MAX_KEPT;
      if (shown.streams.size === 0 && !isWanted) shown.due = undefined;
      forgetIdle(state, executorId, shown);
    },
  };
}

function emptyShown(stream: ExecutorStream): Shown {
  return { streams: new Set(), stream, bytes: new Uint8Array(), sent: undefined, due: undefined };
}

function forgetIdle(state: RelayState, executorId: string, { streams, sent, due }: Shown): void {
  if (streams.size === 0 && sent === undefined && due === undefined) state.shown.delete(executorId);
}

/** Sends on what is due, as far as the leader takes it. */
function pump(state: RelayState): void {
  const { members, taking } = state.deps;
  const { leaderId, isClosed } = state;
  if (leaderId === undefined || isClosed) return;
  const isHere = leaderId === members.self.id;
  if (!isHere && !state.link && !openLink(state, leaderId)) return;
  for (const executorId of state.due) {
    if (!isHere && state.onTheirWay >= MAX_ON_THEIR_WAY) return;
    const shown = state.shown.get(executorId);
    if (!shown?.due) {
      state.due.delete(executorId);
      continue;
    }
    const { bytes, stream, due } = shown;
    if (isHere) {
      const isRepeated = due === 'repeated';
      taking.take(stream, { executorId, encoded: () => new Uint8Array(bytes), isRepeated });
    } else {
      if (!state.link) return;
      state.link.send(stream, bytes, due === 'repeated');
      shown.sent = due;
      state.onTheirWay++;
    }
    shown.due = undefined;
    state.due.delete(executorId);
    forgetIdle(state, executorId, shown);
  }
}

/** Opens a link to the leader, unless that must wait. */
function openLink(state: RelayState, leaderId: string): boolean {
  if (state.timer || state.shown.size === 0) return false;
  const peer = state.deps.channels.find(leaderId);
  if (!peer) return false;
  state.link = openSeeLink(peer, {
    taken: (executorId) => taken(state, executorId),
    lost: (wasReached, error) => lost(state, peer, { wasReached, error }),
  });
  repeatAll(state);
  return true;
}

function lost(state: RelayState, peer: Peer, why: { wasReached: boolean; error: unknown }): void {
  if (why.wasReached) state.cutOffSinceMs = undefined;
  else noteCutOff(state, peer, why.error);
  dropLink(state);
  const pauseMs = Math.min(RETRY_MS * 2 ** state.failures++, MAX_RETRY_MS);
  state.timer = setTimeout(() => {
    state.timer = undefined;
    pump(state);
  }, pauseMs);
}

/** Executors are sent elsewhere when nothing that they show here gets through. */
function noteCutOff(state: RelayState, peer: Peer, error: unknown): void {
  const nowMs = state.deps.clock.elapsed();
  state.cutOffSinceMs ??= nowMs;
  peer.failed(error);
  if (nowMs - state.cutOffSinceMs < CUT_OFF_MS) return;
  const message = 'this server cannot reach the one that leads; try another';
  const ends = [...state.shown.values()].flatMap((shown) => [...shown.streams]);
  for (const end of ends) end(new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 1000 }));
}

function taken(state: RelayState, executorId: string): void {
  state.failures = 0;
  state.cutOffSinceMs = undefined;
  const shown = state.shown.get(executorId);
  if (!shown?.sent) return;
  shown.sent = undefined;
  state.onTheirWay--;
  if (shown.due) state.due.add(executorId);
  forgetIdle(state, executorId, shown);
  pump(state);
}

/** Nothing is on its way any more. What was, and has a stream here, is due again. */
function dropLink(state: RelayState): void {
  const { link } = state;
  state.link = undefined;
  state.onTheirWay = 0;
  link?.end();
  for (const [executorId, shown] of state.shown) {
    if (shown.streams.size > 0) shown.due ??= shown.sent;
    shown.sent = undefined;
    if (shown.due) state.due.add(executorId);
    forgetIdle(state, executorId, shown);
  }
}

/** Whoever hears from here for the first time is shown what every executor with a stream has shown last. */
function repeatAll(state: RelayState): void {
  for (const [executorId, shown] of state.shown) {
    if (shown.streams.size === 0) continue;
    shown.due ??= 'repeated';
    state.due.add(executorId);
  }
}

/** Who is ready to lead here; of another server the link will tell. */
function leaderOf({ members, leadership }: RelayDeps): string | undefined {
  if (leadership.leads()) return members.self.id;
  const leader = members.leader();
  return leader?.id === members.self.id ? undefined : leader?.id;
}

function followLeader(state: RelayState): void {
  const leaderId = leaderOf(state.deps);
  if (leaderId === state.leaderId) return;
  state.leaderId = leaderId;
  clearTimeout(state.timer);
  state.timer = undefined;
  state.failures = 0;
  state.cutOffSinceMs = undefined;
  dropLink(state);
  if (leaderId !== undefined) repeatAll(state);
  pump(state);
}
