// gRPC over the bare HTTP/2 client of Node: it costs less than a client library,
// and does what one would never do.
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import { status } from '@grpc/grpc-js';

/** What a call ended with. */
export interface Answer {
  code: status;
  /** Says more about any code but OK. */
  details: Buffer;
  /** The encoded message; empty where there is none. */
  message: Buffer;
}

/** @param tls plain when left out */
export function openSession(address: string, tls?: SecureContextOptions): ClientHttp2Session {
  // The usual 10 MiB are soon used up by requests that wait to be sent; streams are reset then.
  const settings = { maxSessionMemory: Number.MAX_SAFE_INTEGER, ...tls };
  const session = connect(`${tls ? 'https' : 'http'}://${address}`, settings);
  session.on('error', () => {});
  return session;
}

export function openCall(
  session: ClientHttp2Session,
  path: string,
  headers?: OutgoingHttpHeaders,
): ClientHttp2Stream {
  const call = session.request({
    ...headers,
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  call.on('error', () => {});
  return call;
}

/** A message as gRPC frames it. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const FRAME_HEAD_BYTES = 5;

/** Sends a framed message and waits for the one answer; never rejects. */
export function ask(call: ClientHttp2Stream, body: Buffer, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    let trailers: IncomingHttpHeaders = {};
    let isLate = false;
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => {
      isLate = true;
      call.close(constants.NGHTTP2_CANCEL);
    }, timeoutMs);
    const note = (headers: IncomingHttpHeaders): void => {
      if (headers['grpc-status'] !== undefined) trailers = headers;
    };
    call.once('response', note);
    call.once('trailers', note);
    call.on('data', (chunk: Buffer) => chunks.push(chunk));
    call.once('close', () => {
      clearTimeout(timer);
      const given = trailers['grpc-status'];
      const reset = isLate ? status.DEADLINE_EXCEEDED : status.UNAVAILABLE;
      resolve({
        code: given === undefined ? reset : Number(given),
        details: Buffer.from(String(trailers['grpc-status-details-bin'] ?? ''), 'base64'),
        message: Buffer.concat(chunks).subarray(FRAME_HEAD_BYTES),
      });
    });
    call.end(body);
  });
}
