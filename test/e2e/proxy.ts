// A TCP proxy that does what networks do at their worst: it cuts connections,
// also in the middle of an answer, falls silent in one direction or both without
// closing anything, is slow, takes its time, turns callers away, and delivers
// once more what it had delivered long ago. All of it can change while it runs.
import { once } from 'node:events';
import { connect as dial, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** From whoever dialled, and back to them. */
export type Direction = 'requests' | 'answers';

/**
 * What becomes of bytes in a silence: they arrive when it is over, as what is
 * sent again until it gets through; or never, and neither does what follows them
 * on their connection, as where a router has forgotten it.
 */
export type Fate = 'held' | 'swallowed';

export interface Proxy {
  /** `host:port` to connect to. */
  readonly address: string;
  /** `host:port` that new connections lead to. */
  target: string;
  /** Whether new connections are reset at once. */
  isRefusing: boolean;
  /** Connections that `cut` and `cutAfter` have ended. */
  readonly cuts: number;
  /** Bytes that have passed, in either direction. */
  readonly passedBytes: number;
  /** Ends all connections there are, without a farewell. New ones are let through. */
  cut(): void;
  /** Cuts when so many more bytes of answers have passed; resolves when something has cut. */
  cutAfter(bytes: number): Promise<void>;
  /** Lets nothing through in one direction, also no farewell, and closes nothing. */
  silence(direction: Direction, fate: Fate): void;
  /** Holds back everything in both directions: each side takes the other for slow. */
  blackhole(): void;
  /** Ends the silence: what was held arrives, in order. */
  resume(): void;
  /** Holds back whatever passes from now on for so long. */
  delay(ms: number): void;
  /** All connections together get so many bits a second in each direction; without a number as many as they like. */
  throttle(bitsPerSecond?: number): void;
  /** Keeps what connections ask for from now on, for `replay`. */
  record(): void;
  /** Asks once more for all that was recorded of connections that have ended, each on a new one, without hearing the answers; how many those were. */
  replay(): Promise<number>;
  close(): Promise<void>;
}

/** What all connections have in common, in one direction. */
interface Way {
  silence: (PromiseWithResolvers<void> & { fate: Fate }) | undefined;
  delayMs: number;
  bytesPerMs: number;
  /** When the last byte that was let through so far has passed, at that speed. */
  freeAtMs: number;
}

/** What a connection's sender may be ahead: a network has room for a little, then the sender must wait. */
const MAX_AHEAD_BYTES = 256 * 1024;
/** What passes at a time where it matters how fast. */
const PACKET_BYTES = 1024;
/** Of a connection, to be replayed. */
const MAX_RECORDED_BYTES = 4 * 1024 * 1024;
/** How long a replayed connection is left open. */
const REPLAY_MS = 500;

interface Pair {
  near: Socket;
  far: Socket;
}

/** Starts a proxy on a free port of the loopback interface. */
export async function startProxy(target: string): Promise<Proxy> {
  const pairs = new Set<Pair>();
  const ways = { requests: newWay(), answers: newWay() };
  const recorded: Buffer[][] = [];
  let isRecording = false;
  let cuts = 0;
  let passedBytes = 0;
  let bytesLeft = Number.POSITIVE_INFINITY;
  let cutDone = (): void => {};

  const passAnswer = (to: Socket, chunk: Buffer): void => {
    const fitting = chunk.subarray(0, bytesLeft);
    bytesLeft -= fitting.length;
    passedBytes += fitting.length;
    to.write(fitting, () => {
      if (bytesLeft === 0) proxy.cut();
    });
  };

  const server: Server = createServer((near) => {
    near.on('error', () => {});
    if (proxy.isRefusing) {
      near.resetAndDestroy();
      return;
    }
    const far = dialTo(proxy.target);
    const pair = { near, far };
    pairs.add(pair);
    const asked: Buffer[] | undefined = isRecording ? [] : undefined;
    let askedBytes = 0;
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        if (near.destroyed && far.destroyed) pairs.delete(pair);
      });
    }
    if (asked) near.on('close', () => recorded.push(asked));
    forward(near, far, ways.requests, (chunk) => {
      passedBytes += chunk.length;
      askedBytes += chunk.length;
      if (askedBytes <= MAX_RECORDED_BYTES) asked?.push(chunk);
      far.write(chunk);
    });
    forward(far, near, ways.answers, (chunk) => passAnswer(near, chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();

  const proxy: Proxy = {
    address: `127.0.0.1:${typeof bound === 'object' ? bound?.port : bound}`,
    target,
    isRefusing: false,
    get cuts() {
      return cuts;
    },
    get passedBytes() {
      return passedBytes;
    },
    cut() {
      bytesLeft = Number.POSITIVE_INFINITY;
      for (const { near, far } of pairs) {
        cuts++;
        reset(near);
        reset(far);
      }
      cutDone();
    },
    cutAfter(bytes) {
      bytesLeft = bytes;
      return new Promise((resolve) => {
        cutDone = resolve;
      });
    },
    silence(direction, fate) {
      ways[direction].silence ??= { ...Promise.withResolvers<void>(), fate };
    },
    blackhole() {
      proxy.silence('requests', 'held');
      proxy.silence('answers', 'held');
    },
    resume() {
      for (const way of Object.values(ways)) {
        way.silence?.resolve();
        way.silence = undefined;
      }
    },
    delay(ms) {
      for (const way of Object.values(ways)) way.delayMs = ms;
    },
    throttle(bitsPerSecond = Number.POSITIVE_INFINITY) {
      for (const way of Object.values(ways)) {
        way.bytesPerMs = bitsPerSecond / 8 / 1000;
        way.freeAtMs = 0;
      }
    },
    record() {
      isRecording = true;
    },
    async replay() {
      const again = recorded.splice(0).filter((chunks) => chunks.length > 0);
      await Promise.all(again.map((chunks) => say(proxy.target, chunks)));
      return again.length;
    },
    async close() {
      proxy.cut();
      proxy.resume();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

function newWay(): Way {
  return { silence: undefined, delayMs: 0, bytesPerMs: Number.POSITIVE_INFINITY, freeAtMs: 0 };
}

/** Passes on what comes, in order, each part when it may; and the farewell, be it polite or not. */
function forward(from: Socket, to: Socket, way: Way, pass: (chunk: Buffer) => void): void {
  let turn = Promise.resolve();
  let aheadBytes = 0;
  let isLost = false;
  const inTurn = (what: () => void | Promise<void>): void => {
    const dueMs = performance.now() + way.delayMs;
    turn = turn.then(async () => {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      while (way.silence) {
        isLost ||= way.silence.fate === 'swallowed';
        await way.silence.promise;
      }
      if (!isLost && !to.destroyed) await what();
    });
  };
  from.on('data', (chunk: Buffer) => {
    aheadBytes += chunk.length;
    if (aheadBytes > MAX_AHEAD_BYTES) from.pause();
    inTurn(async () => {
      for (const part of partsOf(chunk, way)) {
        await untilThrough(way, part.length);
        if (to.destroyed) return;
        pass(part);
      }
      aheadBytes -= chunk.length;
      if (aheadBytes <= MAX_AHEAD_BYTES) from.resume();
    });
  });
  from.on('end', () => inTurn(() => void to.end()));
  from.on('close', (hadError) => inTurn(() => (hadError ? reset(to) : to.destroySoon())));
}

/** Ends a connection without a farewell, unless that is on its way already: then a reset is refused, and the socket would stay. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function partsOf(chunk: Buffer, way: Way): Buffer[] {
  if (way.bytesPerMs === Number.POSITIVE_INFINITY) return [chunk];
  const parts: Buffer[] = [];
  for (let at = 0; at < chunk.length; at += PACKET_BYTES) parts.push(chunk.subarray(at, at + PACKET_BYTES));
  return parts;
}

/** Waits until so many bytes have passed, after all others that were there before. */
async function untilThrough(way: Way, bytes: number): Promise<void> {
  if (way.bytesPerMs === Number.POSITIVE_INFINITY) return;
  way.freeAtMs = Math.max(performance.now(), way.freeAtMs) + bytes / way.bytesPerMs;
  const waitMs = way.freeAtMs - performance.now();
  if (waitMs > 0) await sleep(waitMs);
}

/** Says something to a server and does not listen. */
async function say(target: string, chunks: readonly Buffer[]): Promise<void> {
  const socket = dialTo(target);
  socket.on('error', () => {});
  socket.resume();
  for (const chunk of chunks) socket.write(chunk);
  await sleep(REPLAY_MS);
  socket.destroy();
}

function dialTo(target: string): Socket {
  const at = target.lastIndexOf(':');
  return dial({ host: target.slice(0, at), port: Number(target.slice(at + 1)) });
}
