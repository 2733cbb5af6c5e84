import { status, type Metadata, type CallOptions as GrpcCallOptions } from '@grpc/grpc-js';
import { AddressFault, parseAddresses } from '@armada-ts/api/servers/addresses';
import { chooseServer, type ServerChoice } from '@armada-ts/api/servers/server-choice';
import type { TlsFiles } from '@armada-ts/api/servers/tls-credentials';
import {
  callMetadata,
  channelSecurity,
  connectionFault,
  openChannel,
  type ServerChannel,
} from './channel.ts';
import { ArmadaClientError, cancelledByCaller, toClientError } from './errors.ts';

/** Where credentials come from that change. */
export interface Authorization {
  /** Value of the header `authorization` for a call to the server at `address`, asked for with every call. */
  (address: string): Promise<string>;
  /** Told of one that a server did not take: the next call is to have another, if there is any. */
  refused?: (value: string) => void;
}

export interface ConnectOptions {
  /** `host:port`, or several of the same Armada with commas between: the first that answers is used, the next when it is gone. */
  address: string;
  /** Talk plaintext to a server that is not on this machine. */
  forceNoTls?: boolean;
  /** Whom to trust and what to show, as files of PEM; with it TLS is talked to this machine too. Files that change are read again. */
  tls?: TlsFiles;
  basicAuth?: { username: string; password: string };
  authorization?: Authorization;
  /** Compress what is sent. By default for servers on other machines: on this one it costs more than it saves. */
  gzip?: boolean;
  /**
   * How long a connection with calls under way is trusted before it is probed.
   * Default 60 s, and 11 s with several addresses; Armada's servers allow 10 s and more.
   */
  keepAliveTimeMs?: number;
  /** How long a probe may stay unanswered. Default 20 s, and 5 s with several addresses. */
  keepAliveTimeoutMs?: number;
  /** How long a call waits for a connection before it fails as unreachable. Default 3 s. */
  connectTimeoutMs?: number;
  /** Deadline of a call with one answer. Default 30 s; streams have none. */
  callTimeoutMs?: number;
  /**
   * How long calls that may be carried out twice are repeated after failures
   * that pass; 0 for never. Default 10 s, and 60 s for submits with client ids.
   */
  retryForMs?: number;
  /** Told, once, when a server says that it and this library do not go together, and what to do. Must not throw. */
  onVersionNotice?: (notice: string) => void;
}

export interface CallOptions {
  /** Ends the call with code CANCELLED. */
  signal?: AbortSignal | undefined;
  /** Overrides the connection's `callTimeoutMs`; holds for each try of a call that is repeated. */
  timeoutMs?: number;
  /** Overrides the connection's `retryForMs`. */
  retryForMs?: number;
  /** Told when a stream is asked for: there is a connection, and there are credentials. */
  onSent?: () => void;
}

/** One method of a generated service definition. */
export interface Method<Request, Response> {
  path: string;
  requestSerialize: (request: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
}

/**
 * The way to a server, or to one of several. It connects when first used,
 * reconnects by itself, to the next server when one is gone, and never repeats a
 * call: whoever knows a call to be repeatable does that. All failures are
 * ArmadaClientError.
 */
export interface Connection extends Disposable {
  /** As given to `connect`. */
  readonly address: string;
  /** As given to `connect`. */
  readonly retryForMs: number | undefined;
  /** Aborted by `close`. */
  readonly closed: AbortSignal;
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): Promise<Response>;
  /** Leaving the loop cancels the stream. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): AsyncGenerator<Response, void>;
  /** Ends every call and stream under way with code CANCELLED. */
  close(): void;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
const DEFAULT_CALL_TIMEOUT_MS = 30_000;

/** Prepares a connection; nothing is sent before the first call. Throws ArmadaClientError for a wrong address, or files that cannot be used. */
export function connect(options: ConnectOptions): Connection {
  const { address } = options;
  const addresses = addressesOf(address);
  const channelOptions = { ...options, security: channelSecurity(options) };
  const link: Link = {
    servers: chooseServer(addresses, (one) => openChannel(one, addresses.length, channelOptions)),
    closing: new AbortController(),
    metadata: callMetadata(options),
    authorization: options.authorization,
    onVersionNotice: options.onVersionNotice,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    callTimeoutMs: options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS,
  };
  const close = () => {
    link.closing.abort();
    // Calls that are being made in this very turn are to hear of it as the others do.
    setImmediate(() => link.servers.close());
  };
  return {
    address,
    retryForMs: options.retryForMs,
    closed: link.closing.signal,
    call: (method, request, callOptions) => callUnary(link, method, request, callOptions ?? {}),
    stream: (method, request, callOptions) => callStream(link, method, request, callOptions ?? {}),
    close,
    [Symbol.dispose]: close,
  };
}

interface Link {
  servers: ServerChoice<ServerChannel>;
  closing: AbortController;
  metadata: Metadata;
  authorization: ConnectOptions['authorization'];
  /** Undefined once it was told. */
  onVersionNotice: ConnectOptions['onVersionNotice'];
  connectTimeoutMs: number;
  callTimeoutMs: number;
}

function addressesOf(address: string): string[] {
  try {
    return parseAddresses(address);
  } catch (error) {
    if (!(error instanceof AddressFault)) throw error;
    throw new ArmadaClientError('INVALID_ARGUMENT', `address: ${error.message}`, { cause: error });
  }
}

async function callUnary<Request, Response>(
  link: Link,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  const server = await reach(link, options.signal);
  const metadata = await metadataFor(link, server, options.signal);
  const timeoutMs = options.timeoutMs ?? link.callTimeoutMs;
  const grpcOptions: GrpcCallOptions = { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = method;
    const call = server.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      grpcOptions,
      (error, response) => {
        release();
        // Whoever is so long about it may be standing still.
        if (error?.code === status.DEADLINE_EXCEEDED) link.servers.passOver(server);
        if (error) reject(explain(link, { server, metadata }, options.signal, error));
        else if (response === undefined) reject(new ArmadaClientError('INTERNAL', `${path} gave no answer`));
        else resolve(response);
      },
    );
    const release = whenAborted(link, options.signal, () => call.cancel());
    listenForNotice(link, call);
  });
}

async function* callStream<Request, Response>(
  link: Link,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): AsyncGenerator<Response, void> {
  const server = await reach(link, options.signal);
  const metadata = await metadataFor(link, server, options.signal);
  const { path, requestSerialize, responseDeserialize } = method;
  const { timeoutMs } = options;
  const call = server.client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    metadata,
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  );
  options.onSent?.();
  // Cancelling emits an error after the loop has stopped listening.
  call.on('error', () => {});
  listenForNotice(link, call);
  const release = whenAborted(link, options.signal, () => call.cancel());
  try {
    for await (const message of call) yield message;
  } catch (error) {
    throw explain(link, { server, metadata }, options.signal, error);
  } finally {
    release();
    call.cancel();
  }
}

/** A server says it in the headers of its answer, whatever that is. */
function listenForNotice(
  link: Link,
  call: { on(event: 'metadata', listener: (headers: Metadata) => void): unknown },
): void {
  if (!link.onVersionNotice) return;
  call.on('metadata', (headers) => {
    const [notice] = headers.get('armada-version-notice');
    if (typeof notice !== 'string') return;
    const tell = link.onVersionNotice;
    link.onVersionNotice = undefined;
    tell?.(notice);
  });
}

/** Calls `cancel` once the caller or the closing of the connection asks for it; gives what ends the listening. */
function whenAborted(link: Link, signal: AbortSignal | undefined, cancel: () => void): () => void {
  const signals = signal ? [signal, link.closing.signal] : [link.closing.signal];
  if (signals.some(({ aborted }) => aborted)) cancel();
  for (const each of signals) each.addEventListener('abort', cancel, { once: true });
  return () => {
    for (const each of signals) each.removeEventListener('abort', cancel);
  };
}

/** What goes with a call. Throws UNAUTHENTICATED when there are no credentials to be had. */
async function metadataFor(
  link: Link,
  { address }: ServerChannel,
  signal: AbortSignal | undefined,
): Promise<Metadata> {
  if (!link.authorization) return link.metadata;
  try {
    const metadata = link.metadata.clone();
    metadata.set('authorization', await link.authorization(address));
    throwIfAborted(link, signal);
    return metadata;
  } catch (error) {
    if (error instanceof ArmadaClientError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArmadaClientError('UNAUTHENTICATED', `no credentials for ${address}: ${reason}`, {
      cause: error,
    });
  }
}

/** The server in use, connected. Throws that it is unreachable, and why, or CANCELLED. */
async function reach(link: Link, signal: AbortSignal | undefined): Promise<ServerChannel> {
  const server = await link.servers.reach(link.connectTimeoutMs, signal);
  throwIfAborted(link, signal);
  if (server !== undefined) return server;
  const tried = await Promise.all(
    link.servers.tried().map(async (one) => {
      const fault = (await connectionFault(one)) ?? `no connection within ${link.connectTimeoutMs} ms`;
      return { address: one.address, fault };
    }),
  );
  throwIfAborted(link, signal);
  // It may have come while it was asked why it had not.
  const late = await link.servers.reach(0);
  if (late !== undefined) return late;
  throw new ArmadaClientError('UNAVAILABLE', unreachable(tried), { unreachable: true });
}

function unreachable(tried: readonly { address: string; fault: string }[]): string {
  const [only] = tried;
  if (only !== undefined && tried.length === 1) return `cannot reach ${only.address}: ${only.fault}`;
  return `cannot reach any server: ${tried.map(({ address, fault }) => `${address} (${fault})`).join(', ')}`;
}

function throwIfAborted(link: Link, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelledByCaller();
  if (link.closing.signal.aborted) throw connectionClosed();
}

function connectionClosed(): ArmadaClientError {
  return new ArmadaClientError('CANCELLED', 'the connection is closed');
}

/**
 * CANCELLED is kept for the caller's own doing: a server that is shut down
 * resets its streams with the same code. A server that is leaving, or cannot do
 * its work, is not asked again before the others.
 */
function explain(
  link: Link,
  { server, metadata }: { server: ServerChannel; metadata: Metadata },
  signal: AbortSignal | undefined,
  error: unknown,
): ArmadaClientError {
  const failure = toClientError(error);
  if (link.closing.signal.aborted) return connectionClosed();
  const [credentials] = metadata.get('authorization');
  if (failure.code === 'UNAUTHENTICATED' && typeof credentials === 'string')
    link.authorization?.refused?.(credentials);
  const isEnded = failure.code === 'CANCELLED' && !signal?.aborted;
  if (isEnded || failure.code === 'UNAVAILABLE') link.servers.passOver(server);
  if (!isEnded) return failure;
  return new ArmadaClientError('UNAVAILABLE', `${server.address} ended the call`, { cause: error });
}
