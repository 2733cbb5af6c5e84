// HTTP/2 written frame by frame, for clients that no library would be.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export const Frame = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { none: 0, ack: 1, endStream: 1, endHeaders: 4 } as const;

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const HEAD_BYTES = 9;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** A setting of a SETTINGS frame. */
export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

export const INITIAL_WINDOW_SIZE = 4;

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/**
 * Headers as HPACK spells them when it saves nothing (RFC 7541, 6.2).
 * @param isKept whether the other side is to remember each, from index 62 on, the newest first
 */
export function headerBlock(headers: Readonly<Record<string, string>>, isKept = false): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(Buffer.from([isKept ? 0x40 : 0]), hpackText(name), hpackText(value));
  }
  return Buffer.concat(parts);
}

function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** What a gRPC call begins with. */
export function grpcHeaders(
  path: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  };
}

/** A connection that says whatever it likes. */
export interface Wire extends Disposable {
  readonly socket: Socket;
  /** Frames that came, by their type. */
  readonly received: Map<number, number>;
  /** The error of the last GOAWAY; undefined before there is one. */
  readonly goneAway: number | undefined;
  isOpen(): boolean;
  /** Sends, and waits until there is room for more or nobody there. */
  write(bytes: Buffer): Promise<void>;
  /** Waits until the server hangs up; whether it did. */
  closed(withinMs: number): Promise<boolean>;
}

/** Connects and says hello; answers nothing but what `settings` says. */
export async function openWire(port: number, settings: Buffer = Buffer.alloc(0)): Promise<Wire> {
  const socket = await openSocket(port);
  socket.write(Buffer.concat([PREFACE, frame(Frame.settings, Flag.none, 0, settings)]));
  const received = new Map<number, number>();
  let goneAway: number | undefined;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      const type = rest[3] ?? 0;
      received.set(type, (received.get(type) ?? 0) + 1);
      if (type === Frame.goAway) goneAway = rest.readUInt32BE(HEAD_BYTES + 4);
      rest = rest.subarray(end);
    }
  });
  return {
    socket,
    received,
    get goneAway() {
      return goneAway;
    },
    isOpen: () => !socket.destroyed && !socket.readableEnded,
    write: async (bytes) => {
      if (socket.destroyed || socket.write(bytes)) return;
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
    },
    closed: (withinMs) => closed(socket, withinMs),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** A bare connection. Its errors are the caller's own doing. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect').catch(() => {});
  return socket;
}

/** Waits until the other side hangs up; whether it did. */
export async function closed(socket: Socket, withinMs: number): Promise<boolean> {
  if (socket.destroyed || socket.readableEnded) return true;
  socket.resume();
  const over = new AbortController();
  const { signal } = over;
  const ends = ['end', 'close'].map((name) => once(socket, name, { signal }).then(() => true));
  const timer = setTimeout(() => over.abort(), withinMs);
  try {
    return await Promise.any(ends).catch(() => false);
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
