import { logVerbosity, Server, setLogVerbosity } from '@grpc/grpc-js';
import type { Admission } from '../door/admission.ts';
import type { Door } from '../door/call.ts';
import type { Service } from '../door/method.ts';
import { admissionInterceptor, measured } from './admission-interceptor.ts';
import type { LiveTls } from '../tls/live-tls.ts';
import { createKnocking } from './knocking.ts';
import { limitConnections, limitHttp2 } from './connections.ts';
import { credentialsOf } from './credentials.ts';
import { handlersOf } from './handlers.ts';
import { unpackInTurn } from './unpacking.ts';

// The library would write to standard error by itself; whatever goes wrong, its callbacks tell as well.
setLogVerbosity(logVerbosity.NONE);

export interface GrpcServer {
  /** Resolves to the port, which is free to choose when `port` is 0. Rejects with a text for people. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new calls and waits for those under way, but not for long. */
  close(): Promise<void>;
}

/** How long calls under way may take after the server was told to stop. */
const DRAIN_MS = 5_000;

/** How long a connection may be without a call; clients connect again by themselves. */
const IDLE_MS = 10 * 60_000;

export interface GrpcServerDeps {
  /** Largest message taken, in bytes after decompression. */
  maxRequestBytes: number;
  /** How long a request may take to arrive; 30 s when left out. */
  requestTimeoutMs?: number;
  /** How long an answer may wait for its client; 60 s when left out. */
  answerTimeoutMs?: number;
  admission: Admission;
  door: Door;
  /** Plain when left out. */
  tls?: LiveTls | undefined;
}

/** Makes the gRPC server. */
export function createGrpcServer(services: readonly Service[], deps: GrpcServerDeps): GrpcServer {
  const { maxRequestBytes, requestTimeoutMs, answerTimeoutMs, admission, door, tls } = deps;
  unpackInTurn();
  const knocking = createKnocking(door, services);
  const server = new Server({
    interceptors: [admissionInterceptor(admission, { logger: door.logger, requestTimeoutMs, knocking })],
    'grpc.max_receive_message_length': maxRequestBytes,
    'grpc.max_send_message_length': -1,
    // Compressed answers only to clients that ask for them.
    'grpc.default_compression_algorithm': 0,
    // An executor whose machine died keeps its id taken until its stream is known to be dead.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.max_connection_idle_ms': IDLE_MS,
  });
  limitHttp2(server);
  const served = new Set<string>();
  const requestStreams = new Set<string>();
  const turnedAway = (): void => door.observer.refused('path');
  const undecodable = (): void => door.observer.refused('body');
  for (const { definition, methods } of services) {
    server.addService(measured(definition, undecodable), handlersOf(door, methods));
    for (const { path, requestStream } of Object.values(definition)) {
      served.add(path);
      if (requestStream) requestStreams.add(path);
    }
  }

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
        server.bindAsync(address, credentialsOf(tls), (error, bound) => {
          if (error) return reject(new Error(`cannot listen on ${address}: ${listenFault(error.message)}`));
          const { intake } = admission;
          limitConnections(server, { intake, requestStreams, served, turnedAway, answerTimeoutMs, tls });
          resolve(bound);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), DRAIN_MS);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

/** The library wraps the system's own words in remarks on how many addresses it tried. */
function listenFault(message: string): string {
  return /errors: \[(?:listen )?(.*)\]$/.exec(message)?.[1] ?? message;
}
