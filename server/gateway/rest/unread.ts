/**
 * Answers to requests whose body is not wanted. A client may be sending it still,
 * and see no answer until it has: so for a while what comes is read and thrown
 * away. Then the connection ends, or over HTTP/2 the one request.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Exchange } from './exchange.ts';

/** So much the library may read and throw away, for the connection to go on. */
const SMALL_BYTES = 64 * 1024;

/** What is thrown away before the connection ends. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_MS = 1000;

/** Sends the whole answer. */
export function endEarly(
  { request, response }: Exchange,
  httpStatus: number,
  { headers, text }: { headers: OutgoingHttpHeaders; text: string },
): void {
  const known = { ...headers, 'content-length': Buffer.byteLength(text) };
  const stream = http2StreamOf(response);
  if (stream !== undefined) {
    response.writeHead(httpStatus, known);
    response.end(text, () => {
      if (!stream.endAfterHeaders && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  } else if (hasMuchUnread(request)) {
    response.writeHead(httpStatus, { ...known, connection: 'close' });
    response.write(text);
    throwAway(request, () => response.end());
  } else {
    response.writeHead(httpStatus, known);
    response.end(text);
  }
}

function http2StreamOf(
  response: ServerResponse & { stream?: ServerHttp2Stream },
): ServerHttp2Stream | undefined {
  return response.stream;
}

function hasMuchUnread({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  if (headers['transfer-encoding'] !== undefined) return true;
  return Number(headers['content-length'] ?? 0) > SMALL_BYTES;
}

function throwAway(request: IncomingMessage, done: () => void): void {
  let bytes = 0;
  const timer = setTimeout(() => end(), MAX_MS);
  const end = (): void => {
    clearTimeout(timer);
    done();
  };
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) end();
  });
  request.on('end', end).on('close', end).on('error', end).resume();
}
