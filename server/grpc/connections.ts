/**
 * What a connection to the gRPC port may have the server do, below calls. The
 * gRPC library has no settings for it and takes some of HTTP/2's own limits away,
 * so they are set on the HTTP/2 servers inside it.
 */
import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Server } from '@grpc/grpc-js';
import type { Intake } from '../door/intake.ts';
import { endUntaken } from '../door/untaken.ts';
import type { LiveTls } from '../tls/live-tls.ts';
import { keepSentCredentials } from './sent-credentials.ts';

/**
 * How much clients may send on one connection before they have to wait. HTTP/2
 * begins with 64 KiB for all calls of a connection together. Over a long way that
 * is little: with 50 ms there and back no more than 1.3 MB of submits a second.
 * And under overload the bodies of calls that are refused take it from those of
 * calls that were let in. It is also what a connection whose calls are read slowly
 * can make the server hold.
 */
const WINDOW_BYTES = 1024 * 1024;

/** Headers of a call: how many, and their bytes together, 32 more for each. */
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 16 * 1024;

/** How long a client may take to begin with TLS, where there is any. */
const HANDSHAKE_MS = 15_000;

const MAX_STREAMS = 1000;
const MAX_CONNECTIONS = 16_384;

export interface ConnectionLimits {
  intake: Intake;
  /** Paths of the methods whose requests are a stream: their messages are read one at a time. */
  requestStreams: ReadonlySet<string>;
  /** Paths of all methods. */
  served: ReadonlySet<string>;
  /** Told of each call to a path that none is at. */
  turnedAway: () => void;
  /** How long an answer may wait for its client; 60 s when left out. */
  answerTimeoutMs?: number | undefined;
  /** Plain when left out. */
  tls?: LiveTls | undefined;
}

/** The part of the library's server that it does not show. */
interface Inside {
  commonServerOptions: Record<string, unknown>;
  http2Servers: Map<Http2Server, unknown>;
}

/** Bounds headers, calls and the beginning of connections; call before the server listens. */
export function limitHttp2(server: Server): void {
  const { commonServerOptions } = inside(server);
  const settings = { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES };
  Object.assign(commonServerOptions, {
    maxHeaderListPairs: MAX_HEADERS,
    settings,
    handshakeTimeout: HANDSHAKE_MS,
    // A header with spaces around its value would not come through, credentials among them.
    strictFieldWhitespaceValidation: false,
  });
}

/** Call as soon as the server listens. */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  for (const http2Server of inside(server).http2Servers.keys()) {
    http2Server.maxConnections = MAX_CONNECTIONS;
    if (limits.tls) refuseBadCertificates(http2Server, limits.tls);
    http2Server.on('session', (session) => limitSession(session, limits));
  }
}

/** The library lets in whoever shows a bad certificate as one who shows none, unless all need one. */
function refuseBadCertificates(http2Server: Http2Server, tls: LiveTls): void {
  const listeners = http2Server.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
  http2Server.removeAllListeners('secureConnection');
  http2Server.on('secureConnection', (socket: TLSSocket) => {
    if (!tls.admit(socket)) return void socket.destroy();
    for (const listener of listeners) listener.call(http2Server, socket);
  });
}

function inside(server: Server): Inside {
  const { commonServerOptions, http2Servers } = server as unknown as Partial<Inside>;
  if (!commonServerOptions || !http2Servers) throw new TypeError('the gRPC library is another one inside');
  return { commonServerOptions, http2Servers };
}

function limitSession(session: ServerHttp2Session, limits: ConnectionLimits): void {
  const { intake, requestStreams, served, turnedAway, answerTimeoutMs } = limits;
  session.once('connect', () => session.setLocalWindowSize(WINDOW_BYTES));
  // Before the library looks at the headers.
  session.prependListener('stream', (_, headers, _flags, sent) => keepSentCredentials(headers, sent));
  // The library's own listener came first, so that the stream does not begin to flow here.
  session.on('stream', (stream, headers) => {
    endUntaken(stream, answerTimeoutMs);
    const path = headers[':path'] ?? '';
    if (!served.has(path)) turnedAway();
    if (requestStreams.has(path)) return;
    const arriving = intake.begin(session);
    stream.on('data', (chunk: Buffer) => {
      if (!arriving.add(chunk.length)) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });
    // What is packed is held until it has been unpacked.
    if (headers['grpc-encoding'] === undefined) stream.once('end', () => arriving.over());
    stream.once('close', () => arriving.over());
  });
}
