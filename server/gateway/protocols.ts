/**
 * One socket for HTTP/1.1 and HTTP/2. Under TLS the client says which it wants;
 * without, the first bytes tell: those of HTTP/2 begin no request of HTTP/1.1.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createHttp2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { endUntaken } from '../door/untaken.ts';
import type { LiveTls } from '../tls/live-tls.ts';
import { endUntakenAnswers, endWhenSilent } from './dead-clients.ts';

/**
 * Requests and responses of both protocols have the same form, so far as it is
 * used here: no headers of the connection, no text beside the status.
 */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

export interface ListenerOptions {
  tls?: LiveTls | undefined;
  handle: Handle;
}

export interface Listener {
  /** Resolves to the port, which is free to choose when `port` is 0. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new requests and waits for those under way, but not for long. */
  close(): Promise<void>;
}

/** How long requests under way may take after the server was told to stop. */
const DRAIN_MS = 5_000;

/** How long a connection may take to say anything, and how long a request may take to arrive, its header and whole. */
const FIRST_BYTES_MS = 15_000;
const HEADERS_MS = 15_000;
const REQUEST_MS = 30_000;

/** How often requests of HTTP/1.1 are looked at whether they are late. */
const LATE_CHECK_MS = 5_000;

/** Longer than what stands before a server usually keeps connections for. */
const KEEP_ALIVE_MS = 75_000;

/** How long a client may take to see that it has been answered before it sent everything. */
const UNREAD_MS = 500;

const MAX_HEADER_BYTES = 16 * 1024;

const MAX_HEADERS = 64;
const MAX_CONNECTIONS = 16_384;

/** What clients may send on one HTTP/2 connection before they have to wait of it. Over a long way the 64 KiB that it begins with are little. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** Calls of one HTTP/2 connection, and how many may be taken back in a burst: all at once they keep others waiting for 100 ms. */
const MAX_STREAMS_PER_CONNECTION = 128;
const MAX_RESET_BURST = 256;

const PREFACE = Buffer.from('PRI * HTTP/2.0');

/** As many of its bytes as no request of HTTP/1.1 begins with. */
const TELLING_BYTES = 4;

export function createListener({ tls, handle }: ListenerOptions): Listener {
  const sessions = new Set<ServerHttp2Session>();
  const silent = new Set<Socket>();
  const http1 = http1Server(tls, handle);
  const http2 = http2Server(handle, sessions);
  http1.maxConnections = MAX_CONNECTIONS;

  // The library's own listener serves HTTP/1.1 on whatever connection it is given.
  const event = tls ? 'secureConnection' : 'connection';
  const [serveHttp1] = http1.listeners(event) as ((socket: Socket) => void)[];
  http1.removeAllListeners(event);
  const serve = (socket: Socket, isHttp2: boolean): void => {
    if (isHttp2) {
      // One of HTTP/1.1 may end its half and wait for the answer. In HTTP/2 it has gone, and nobody else would notice.
      socket.allowHalfOpen = false;
      http2.emit('connection', socket);
    } else serveHttp1?.call(http1, socket);
  };
  http1.on(event, (socket: Socket & { alpnProtocol?: string | false }) => {
    if (tls && !tls.admit(socket as TLSSocket)) socket.destroy();
    else if (tls) serve(socket, socket.alpnProtocol === 'h2');
    else listenFirst(socket, silent, (isHttp2) => serve(socket, isHttp2));
  });

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        http1.once('error', reject);
        http1.listen({ host, port }, () => {
          http1.off('error', reject);
          const address = http1.address();
          resolve(typeof address === 'object' && address ? address.port : port);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        // A connection of HTTP/1.1 whose last request is answered would stay open for the next.
        const idle = setInterval(() => http1.closeIdleConnections(), 20);
        const late = setTimeout(() => {
          http1.closeAllConnections();
          for (const session of sessions) session.destroy();
        }, DRAIN_MS);
        http1.close(() => {
          clearInterval(idle);
          clearTimeout(late);
          resolve();
        });
        for (const socket of silent) socket.destroy();
        for (const session of sessions) session.close();
      }),
  };
}

function http1Server(tls: LiveTls | undefined, handle: Handle): Server {
  const settings = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: LATE_CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  };
  const server = tls ? tlsServer(tls, settings, handle) : createServer(settings, handle);
  endUntakenAnswers(server);
  return server;
}

function tlsServer(tls: LiveTls, settings: ServerOptions, handle: Handle): Server {
  const context = (): SecureContextOptions => {
    const { certificate, key, clientAuthorities } = tls.current();
    return { cert: certificate, key, ca: clientAuthorities, minVersion: 'TLSv1.2' };
  };
  const server = createTlsServer(
    {
      ...settings,
      ...context(),
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: FIRST_BYTES_MS,
      requestCert: tls.current().clientAuthorities !== undefined,
      rejectUnauthorized: tls.isClientRequired,
    },
    handle,
  );
  const leave = tls.subscribe(() => server.setSecureContext(context()));
  server.on('close', leave);
  return server;
}

function http2Server(handle: Handle, sessions: Set<ServerHttp2Session>) {
  const server = createHttp2Server(
    {
      settings: { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION, maxHeaderListSize: MAX_HEADER_BYTES },
      maxHeaderListPairs: MAX_HEADERS,
      streamResetBurst: MAX_RESET_BURST,
      // A header with spaces around its value would not come through, credentials among them.
      strictFieldWhitespaceValidation: false,
    },
    (request, response) => {
      endUnread(response.stream);
      endUntaken(response.stream);
      handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    },
  );
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    endWhenSilent(session);
  });
  // What goes wrong with a connection is its client's affair.
  server.on('sessionError', () => {});
  return server;
}

/**
 * A client that has its answer may still be sending, and nobody reads it: its
 * stream would stay open for ever. Ended at once, it would lose the trailers.
 */
function endUnread(stream: ServerHttp2Stream): void {
  stream.on('finish', () => {
    if (stream.readableEnded) return;
    const timer = setTimeout(() => stream.destroy(), UNREAD_MS);
    stream.on('close', () => clearTimeout(timer));
  });
}

/** Waits for the bytes that tell the protocol, and gives them back. */
function listenFirst(socket: Socket, silent: Set<Socket>, then: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const leave = (): void => {
    clearTimeout(timer);
    silent.delete(socket);
    socket.off('readable', look).off('end', drop).off('error', drop).off('close', leave);
  };
  const drop = (): void => void socket.destroy();
  const look = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const told = seen.subarray(0, TELLING_BYTES);
    const mayBeHttp2 = told.equals(PREFACE.subarray(0, told.length));
    if (mayBeHttp2 && told.length < TELLING_BYTES) return;
    leave();
    socket.unshift(seen);
    then(mayBeHttp2);
  };
  const timer = setTimeout(drop, FIRST_BYTES_MS);
  silent.add(socket);
  socket.on('readable', look).on('end', drop).on('error', drop).on('close', leave);
}
