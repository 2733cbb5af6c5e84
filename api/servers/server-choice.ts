/**
 * Which of several servers is talked to: the first that answers, and when it is
 * gone, the next at once.
 *
 * Each address has a channel of its own. One channel over all of them, by
 * gRPC's list of addresses (`ipv4:`, numbers only) or by a resolver of our own
 * with `pick_first`, checks the certificate of every server, and fills in the
 * authority by which ingresses route, with the one name of the channel; so it
 * would not do for servers with names of their own. It also keeps to a server
 * that is connected and does not do its work. What a channel does well is left
 * to it: resolving names, trying again with growing pauses, noticing by pings
 * that a connection is dead.
 *
 * Nothing is done in between: it is looked when a call is about to be made.
 */
import { connectivityState, type Channel } from '@grpc/grpc-js';
import { performance } from 'node:perf_hooks';

/** A server that was dialled; nothing is sent before its channel is asked to connect. */
export interface Dialled {
  readonly address: string;
  readonly channel: Pick<Channel, 'getConnectivityState' | 'watchConnectivityState'>;
  /** Calls that are under way go on. */
  close(): void;
}

export interface ServerChoice<Server extends Dialled> {
  /**
   * The server in use, connected; waits for one if there is none. Undefined when
   * none answers within the time, when `signal` aborts, and after `close`.
   */
  reach(withinMs: number, signal?: AbortSignal): Promise<Server | undefined>;
  /** This one is connected but does not do its work: from now on the others come first. */
  passOver(server: Server): void;
  /** Those that were tried and have not answered yet; for saying why nobody can be reached. */
  tried(): readonly Server[];
  close(): void;
}

/** How the pauses between tries of one address grow: never longer than a second. */
export const RECONNECT_OPTIONS = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.min_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
} as const;

/** An address that has not answered for this long no longer keeps the next one waiting. */
const STAGGER_MS = 250;
/**
 * Tries that take longer are given up for new ones: the name may mean another
 * machine by now. Of an address that says nothing at all each leaves a socket
 * behind, which the library closes only when it hears of it.
 */
const FAILING_MS = 5_000;
const SILENT_MS = 30_000;
/** Watches on a channel cannot be called off, so they are kept short. */
const WATCH_MS = 100;

interface Candidate<Server> {
  server: Server;
  dialledAtMs: number;
}

interface State<Server> {
  addresses: readonly string[];
  dial: (address: string) => Server;
  /** Place of the address that is tried first. */
  first: number;
  inUse: Server | undefined;
  candidates: Candidate<Server>[];
  search: Promise<void> | undefined;
  /** Callers that wait for the search. */
  waiting: number;
  isClosed: boolean;
}

/** `addresses` are not empty; `dial` makes a channel to one of them. */
export function chooseServer<Server extends Dialled>(
  addresses: readonly string[],
  dial: (address: string) => Server,
): ServerChoice<Server> {
  const state: State<Server> = {
    addresses,
    dial,
    first: 0,
    inUse: undefined,
    candidates: [],
    search: undefined,
    waiting: 0,
    isClosed: false,
  };
  return {
    reach: (withinMs, signal) => reach(state, withinMs, signal),
    passOver(server) {
      if (state.inUse === server && addresses.length > 1) leave(state, server);
    },
    tried: () => state.candidates.map(({ server }) => server),
    close() {
      state.isClosed = true;
      state.inUse?.close();
      for (const { server } of state.candidates) server.close();
    },
  };
}

async function reach<Server extends Dialled>(
  state: State<Server>,
  withinMs: number,
  signal: AbortSignal | undefined,
): Promise<Server | undefined> {
  const giveUpAtMs = performance.now() + withinMs;
  for (;;) {
    const server = connected(state);
    const leftMs = giveUpAtMs - performance.now();
    if (server !== undefined || leftMs <= 0 || state.isClosed || signal?.aborted) return server;
    state.waiting += 1;
    state.search ??= search(state).finally(() => {
      state.search = undefined;
    });
    await either(state.search, leftMs, signal);
    state.waiting -= 1;
  }
}

/** Waits for the promise, but not longer than told, leaving nothing behind. */
async function either(
  promise: Promise<void>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  const aborted = () => resolve();
  signal?.addEventListener('abort', aborted, { once: true });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  }
}

/** The server in use, unless it is gone. */
function connected<Server extends Dialled>(state: State<Server>): Server | undefined {
  const { inUse } = state;
  if (inUse === undefined || state.isClosed) return undefined;
  if (inUse.channel.getConnectivityState(false) === connectivityState.READY) return inUse;
  leave(state, inUse);
  return undefined;
}

/** The next one in the list is tried first, this one last. */
function leave<Server extends Dialled>(state: State<Server>, server: Server): void {
  state.inUse = undefined;
  state.first = (state.addresses.indexOf(server.address) + 1) % state.addresses.length;
  // Whoever was given it in this very turn has not made the call yet.
  setImmediate(() => server.close());
}

/** Dials one address after the other, and takes the first that answers; for as long as somebody waits for it. */
async function search<Server extends Dialled>(state: State<Server>): Promise<void> {
  const { addresses, first } = state;
  const order = [...addresses.slice(first), ...addresses.slice(0, first)];
  let nextDialAtMs = performance.now();
  while (state.waiting > 0 && !state.isClosed) {
    const nowMs = performance.now();
    dialAgain(state, nowMs);
    const next = order.find((address) => !state.candidates.some(({ server }) => server.address === address));
    const haveAllFailed = state.candidates.every(({ server }) => stateOf(server) === FAILED);
    if (next !== undefined && (haveAllFailed || nowMs >= nextDialAtMs)) {
      state.candidates.push({ server: state.dial(next), dialledAtMs: nowMs });
      nextDialAtMs = nowMs + STAGGER_MS;
    }
    const winner = state.candidates.find(({ server }) => stateOf(server) === connectivityState.READY);
    if (winner !== undefined) return take(state, winner.server);
    const lookAgainMs = next === undefined ? WATCH_MS : Math.min(WATCH_MS, Math.max(1, nextDialAtMs - nowMs));
    await Promise.race(state.candidates.map(({ server }) => change(server, lookAgainMs)));
  }
}

const FAILED = connectivityState.TRANSIENT_FAILURE;

function take<Server extends Dialled>(state: State<Server>, winner: Server): void {
  state.inUse = winner;
  for (const { server } of state.candidates) if (server !== winner) server.close();
  state.candidates = [];
}

function dialAgain<Server extends Dialled>(state: State<Server>, nowMs: number): void {
  state.candidates = state.candidates.map((candidate) => {
    const { server, dialledAtMs } = candidate;
    const isReady = stateOf(server) === connectivityState.READY;
    const limitMs = stateOf(server) === FAILED ? FAILING_MS : SILENT_MS;
    if (isReady || nowMs - dialledAtMs < limitMs) return candidate;
    server.close();
    return { server: state.dial(server.address), dialledAtMs: nowMs };
  });
}

function stateOf({ channel }: Dialled): connectivityState {
  return channel.getConnectivityState(false);
}

/** Has the server connect, if it does not yet, and waits for news of it. */
function change({ channel }: Dialled, withinMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = channel.getConnectivityState(true);
  channel.watchConnectivityState(before, Date.now() + withinMs, () => resolve());
  return promise;
}
