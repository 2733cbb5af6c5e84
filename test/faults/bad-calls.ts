// Sends bytes as they are, and hangs up when told to: the client side of a
// server that is to survive everything.
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  status,
} from '@grpc/grpc-js';
import type { Method } from './contract.ts';
import type { Random } from './random.ts';

/** What a call came to. */
export interface Result {
  /** Undefined when the caller hung up before there was any. */
  code: status | undefined;
  /** The message of a refusal. */
  details: string;
}

/** What no message for users holds. */
const STACK_TRACE = /\n\s+at |\.[jt]s:\d+|node:internal|node_modules/;

/** Answers that take longer are reported as missing. */
const DEADLINE_MS = 10_000;

/** Streams that go on until the client has enough are listened to for so long. */
const LISTEN_MS = 100;

const asIs = (bytes: Buffer): Buffer => bytes;

/**
 * Sends requests to a method.
 * @param hangUpMs when to break off, in milliseconds; undefined to wait for the end
 */
export function send(
  client: Client,
  method: Method,
  requests: readonly Buffer[],
  hangUpMs?: number,
): Promise<Result> {
  const { path, isClientStream, isServerStream } = method;
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve) => {
    let stream: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>;
    if (isClientStream) {
      const both = client.makeBidiStreamRequest(path, asIs, asIs, new Metadata(), options);
      for (const request of requests) both.write(request);
      both.end();
      stream = both;
    } else {
      // On the wire a call with one answer is a stream of one.
      const request = requests[0] ?? Buffer.alloc(0);
      stream = client.makeServerStreamRequest(path, asIs, asIs, request, new Metadata(), options);
    }
    let isOurs = false;
    const stop = (): void => {
      isOurs = true;
      stream.cancel();
    };
    const listenMs = isServerStream ? LISTEN_MS : undefined;
    const waitMs = hangUpMs ?? listenMs;
    const timer = waitMs === undefined ? undefined : setTimeout(stop, waitMs);
    stream.on('data', () => {});
    stream.on('error', () => {});
    stream.on('status', ({ code, details }: Result) => {
      clearTimeout(timer);
      resolve(isOurs && code === status.CANCELLED ? { code: undefined, details: '' } : { code, details });
    });
  });
}

/** Opens a plain HTTP/2 session; errors of it are the caller's own doing. */
export function connectRaw(address: string): ClientHttp2Session {
  return connectHttp2(`http://${address}`).on('error', () => {});
}

/** Sends what is not even gRPC: wrong frames, wrong headers, ends in the middle of things. */
export function sendRaw(
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  random: Random,
): Promise<void> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(random.pick([0, 1, body.length, body.length + 100, 2 ** 32 - 1, 5 * 1024 * 1024]));
  const flag = Buffer.from([random.pick([0, 0, 1, 2, 255])]);
  const bytes = random.pick([Buffer.concat([flag, length, body]), body, flag, Buffer.concat([flag, length])]);
  const headers = {
    ':method': random.pick(['POST', 'POST', 'POST', 'GET', 'OPTIONS']),
    ':path': random.pick([path, path, path, '/', '/a/../b', `${path}/x`, '/api.Submit/__proto__', '//']),
    'content-type': random.pick([
      'application/grpc',
      'application/grpc',
      'application/grpc+proto',
      'text/plain',
    ]),
    te: 'trailers',
    'grpc-timeout': random.pick(['5S', '0n', '-1S', 'x', '99999999999S', '1']),
    'grpc-encoding': random.pick(['identity', 'gzip', 'deflate', 'zstd']),
    'x-bin': random.pick(['AAAA', 'not base64 ***']),
  };
  return new Promise((resolve) => {
    const stream = session.request(headers);
    const reset = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 50 + random.below(150));
    stream.on('error', () => {});
    stream.on('close', () => {
      clearTimeout(reset);
      resolve();
    });
    stream.resume();
    if (random.chance(0.3)) stream.write(bytes);
    else stream.end(bytes);
  });
}

/**
 * What is wrong with an answer; undefined when nothing is.
 * @param isDecodable whether the request was bytes of its type
 */
export function faultOf({ code, details }: Result, isDecodable: boolean): string | undefined {
  if (STACK_TRACE.test(details)) return 'a stack trace';
  switch (code) {
    case status.UNKNOWN:
    case status.UNAVAILABLE:
      return 'a code that says nothing';
    case status.DEADLINE_EXCEEDED:
      return 'no answer';
    case status.INTERNAL:
      return isDecodable ? 'a fault of the server' : undefined;
    case undefined:
    case status.UNIMPLEMENTED:
    // Who asks, and about which queue, is looked at before the rest is decoded.
    case status.PERMISSION_DENIED:
    case status.NOT_FOUND:
      return undefined;
    default:
      return isDecodable ? undefined : 'bytes that cannot be decoded were taken for a request';
  }
}
