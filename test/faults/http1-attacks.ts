// What a client can do to an HTTP port over HTTP/1.1 that no honest one does.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { closed, openSocket } from './raw-http2.ts';

/** The answer to a request that is written as it is. */
export interface RawAnswer {
  /** 0 when there was none. */
  status: number;
  body: string;
  /** Whether the server hung up. */
  hungUp: boolean;
}

const ANSWER_MS = 20_000;
const PART_EVERY_MS = 20;

/** The beginning of a request. */
export function head(line: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `${[`${line} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

/**
 * Sends bytes on a connection of their own and waits for an answer, as far as it comes.
 * @param parts sent one after the other as long as the server takes them
 */
export async function sendRaw(port: number, ...parts: (string | Buffer)[]): Promise<RawAnswer> {
  const socket = await openSocket(port);
  let text = '';
  const answered = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (isWhole(text)) answered.resolve();
  });
  socket.on('end', () => answered.resolve());
  socket.on('close', () => answered.resolve());
  const timer = setTimeout(() => answered.resolve(), ANSWER_MS);
  for (const part of parts) {
    if (socket.destroyed || text !== '') break;
    socket.write(part);
    // Whoever is cut off in the middle of sending never gets to read why.
    if (parts.length > 1) await sleep(PART_EVERY_MS);
  }
  await answered.promise;
  clearTimeout(timer);
  const [, status = '0'] = /^HTTP\/1\.1 (\d{3})/.exec(text) ?? [];
  const hungUp = /\r\nconnection: close\r\n/i.test(text) || (await closed(socket, 50));
  socket.destroy();
  return { status: Number(status), body: text.slice(text.indexOf('\r\n\r\n') + 4), hungUp };
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const headers = text.slice(0, headEnd + 2);
  if (/\r\ntransfer-encoding: chunked/i.test(headers)) return text.endsWith('\r\n0\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(headers)?.[1];
  return length !== undefined && text.length >= headEnd + 4 + Number(length);
}

/** Connections that send a byte now and then; disposed of, they are let go. */
export interface Slow extends Disposable {
  /** How many the server has not hung up. */
  open(): number;
}

const BYTE_EVERY_MS = 1_000;

/** Opens connections that have begun with `beginning` and go on a byte at a time. */
export async function slowly(port: number, count: number, beginning: string): Promise<Slow> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i += 100) {
    const opened = await Promise.all(Array.from({ length: 100 }, () => openSocket(port)));
    for (const socket of opened) {
      socket.resume();
      socket.write(beginning);
    }
    sockets.push(...opened);
  }
  const timer = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('a');
  }, BYTE_EVERY_MS);
  return {
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Opens connections, sends `request` on each and resets them soon after; a few at a time. */
export async function hangUp(port: number, count: number, request: string): Promise<void> {
  const one = async (number: number): Promise<void> => {
    const socket = await openSocket(port);
    socket.write(request);
    await sleep(number % 20);
    socket.resetAndDestroy();
  };
  for (let at = 0; at < count; at += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - at) }, (_, i) => one(at + i)));
  }
}

/** So many KiB of zeros, packed a thousand to one. */
export function bomb(kib: number): Buffer {
  return gzipSync(Buffer.alloc(kib * 1024));
}
