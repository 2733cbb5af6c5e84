import {
  Client,
  compressionAlgorithms,
  connectivityState,
  credentials,
  Metadata,
  type CallOptions as GrpcCallOptions,
  type ClientOptions,
} from '@grpc/grpc-js';
import { performance } from 'node:perf_hooks';
import { isLoopback, usesTls } from './address.ts';
import { ArmadaClientError, cancelledByCaller, toClientError } from './errors.ts';

export interface ConnectOptions {
  /** `host:port`. */
  address: string;
  /** Talk plaintext to a server that is not on this machine. */
  forceNoTls?: boolean;
  basicAuth?: { username: string; password: string };
  /** Compress what is sent. By default for servers on other machines: on this one it costs more than it saves. */
  gzip?: boolean;
  /** How long a silent connection is trusted before it is probed. Default 60 s; Armada's servers allow 10 s and more. */
  keepAliveTimeMs?: number;
  /** How long a probe may stay unanswered. Default 20 s. */
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
}

export interface CallOptions {
  /** Ends the call with code CANCELLED. */
  signal?: AbortSignal | undefined;
  /** Overrides the connection's `callTimeoutMs`; holds for each try of a call that is repeated. */
  timeoutMs?: number;
  /** Overrides the connection's `retryForMs`. */
  retryForMs?: number;
}

/** One method of a generated service definition. */
export interface Method<Request, Response> {
  path: string;
  requestSerialize: (request: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
}

/**
 * A channel to one server. It connects when first used, reconnects by itself,
 * and never repeats a call: whoever knows a call to be repeatable does that.
 * All failures are ArmadaClientError.
 */
export interface Connection extends Disposable {
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

const DEFAULT_KEEP_ALIVE_TIME_MS = 60_000;
const DEFAULT_KEEP_ALIVE_TIMEOUT_MS = 20_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
const DEFAULT_CALL_TIMEOUT_MS = 30_000;
/** Answers larger than this are refused: four times what servers accept, as a list may be longer than a submission. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Grace for a call that is sent without a connection, to learn why there is none. */
const LAST_TRY_MS = 500;
/** Longest time that a watch on the channel's state outlasts the call that wanted it. */
const WATCH_MS = 100;

/** Opens a channel; nothing is sent before the first call. */
export function connect(options: ConnectOptions): Connection {
  const { address } = options;
  const channel: Channel = {
    address,
    client: openChannel(options),
    closing: new AbortController(),
    metadata: credentialMetadata(options),
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    callTimeoutMs: options.callTimeoutMs ?? DEFAULT_CALL_TIMEOUT_MS,
  };
  const close = () => {
    channel.closing.abort();
    channel.client.close();
  };
  return {
    address,
    retryForMs: options.retryForMs,
    closed: channel.closing.signal,
    call: (method, request, callOptions) => callUnary(channel, method, request, callOptions ?? {}),
    stream: (method, request, callOptions) => callStream(channel, method, request, callOptions ?? {}),
    close,
    [Symbol.dispose]: close,
  };
}

interface Channel {
  address: string;
  client: Client;
  closing: AbortController;
  metadata: Metadata;
  connectTimeoutMs: number;
  callTimeoutMs: number;
}

function openChannel(options: ConnectOptions): Client {
  const { address } = options;
  const channelCredentials = usesTls(address, options.forceNoTls ?? false)
    ? credentials.createSsl()
    : credentials.createInsecure();
  const channelOptions: ClientOptions = {
    'grpc.keepalive_time_ms': options.keepAliveTimeMs ?? DEFAULT_KEEP_ALIVE_TIME_MS,
    'grpc.keepalive_timeout_ms': options.keepAliveTimeoutMs ?? DEFAULT_KEEP_ALIVE_TIMEOUT_MS,
    'grpc.default_compression_algorithm':
      (options.gzip ?? !isLoopback(address)) ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.min_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    // A proxy from the environment cannot reach this machine's loopback.
    'grpc.enable_http_proxy': isLoopback(address) ? 0 : 1,
  };
  return new Client(address, channelCredentials, channelOptions);
}

/**
 * Metadata and not gRPC call credentials, because those are refused on a
 * plaintext channel, and a server on loopback may ask for a password.
 */
function credentialMetadata(options: ConnectOptions): Metadata {
  const metadata = new Metadata();
  if (options.basicAuth) {
    const { username, password } = options.basicAuth;
    metadata.set('authorization', `basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  }
  return metadata;
}

async function callUnary<Request, Response>(
  channel: Channel,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): Promise<Response> {
  const ready = await waitUntilReady(channel, options.signal);
  throwIfAborted(channel, options.signal);
  const timeoutMs = ready ? (options.timeoutMs ?? channel.callTimeoutMs) : LAST_TRY_MS;
  const grpcOptions: GrpcCallOptions = { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = method;
    const call = channel.client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      channel.metadata,
      grpcOptions,
      (error, response) => {
        release();
        if (error) reject(explain(channel, { ready, signal: options.signal }, error));
        else if (response === undefined) reject(new ArmadaClientError('INTERNAL', `${path} gave no answer`));
        else resolve(response);
      },
    );
    const release = whenAborted(channel, options.signal, () => call.cancel());
  });
}

async function* callStream<Request, Response>(
  channel: Channel,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions,
): AsyncGenerator<Response, void> {
  const ready = await waitUntilReady(channel, options.signal);
  throwIfAborted(channel, options.signal);
  const { path, requestSerialize, responseDeserialize } = method;
  const timeoutMs = ready ? options.timeoutMs : LAST_TRY_MS;
  const call = channel.client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    channel.metadata,
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  );
  // Cancelling emits an error after the loop has stopped listening.
  call.on('error', () => {});
  const release = whenAborted(channel, options.signal, () => call.cancel());
  try {
    for await (const message of call) yield message;
  } catch (error) {
    throw explain(channel, { ready, signal: options.signal }, error);
  } finally {
    release();
    call.cancel();
  }
}

/** Calls `cancel` once the caller or the closing of the connection asks for it; gives what ends the listening. */
function whenAborted(channel: Channel, signal: AbortSignal | undefined, cancel: () => void): () => void {
  const signals = signal ? [signal, channel.closing.signal] : [channel.closing.signal];
  for (const each of signals) each.addEventListener('abort', cancel, { once: true });
  return () => {
    for (const each of signals) each.removeEventListener('abort', cancel);
  };
}

/**
 * False when there was no connection within the time; the call is then sent all
 * the same, to learn why. A watch on the channel cannot be called off, so it is
 * kept short: whoever aborts leaves no timer behind for long.
 */
async function waitUntilReady(channel: Channel, signal: AbortSignal | undefined): Promise<boolean> {
  const giveUpAtMs = performance.now() + channel.connectTimeoutMs;
  while (!signal?.aborted && !channel.closing.signal.aborted) {
    const transport = channel.client.getChannel();
    const state = transport.getConnectivityState(true);
    if (state === connectivityState.READY) return true;
    const leftMs = giveUpAtMs - performance.now();
    if (leftMs <= 0) return false;
    const lookAgainAt = Date.now() + Math.min(leftMs, WATCH_MS);
    await new Promise<void>((resolve) => {
      const release = whenAborted(channel, signal, resolve);
      transport.watchConnectivityState(state, lookAgainAt, () => {
        release();
        resolve();
      });
    });
  }
  return false;
}

function throwIfAborted(channel: Channel, signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelledByCaller();
  if (channel.closing.signal.aborted) throw connectionClosed();
}

function connectionClosed(): ArmadaClientError {
  return new ArmadaClientError('CANCELLED', 'the connection is closed');
}

/**
 * A call that never had a connection fails as unreachable, whatever gRPC calls
 * it. CANCELLED is kept for the caller's own doing: a server that is shut down
 * resets its streams with the same code.
 */
function explain(
  channel: Channel,
  { ready, signal }: { ready: boolean; signal: AbortSignal | undefined },
  error: unknown,
): ArmadaClientError {
  const failure = toClientError(error);
  if (channel.closing.signal.aborted) return connectionClosed();
  if (failure.code === 'CANCELLED' && !signal?.aborted) {
    return new ArmadaClientError('UNAVAILABLE', `${channel.address} ended the call`, { cause: error });
  }
  if (ready || (failure.code !== 'UNAVAILABLE' && failure.code !== 'DEADLINE_EXCEEDED')) return failure;
  const reason =
    failure.code === 'DEADLINE_EXCEEDED'
      ? `no connection within ${channel.connectTimeoutMs} ms`
      : connectionFault(failure.message);
  return new ArmadaClientError('UNAVAILABLE', `cannot reach ${channel.address}: ${reason}`, {
    unreachable: true,
    cause: error,
  });
}

/** grpc-js wraps the socket's error in remarks on name resolution that help nobody. */
function connectionFault(details: string): string {
  const fault = /Last error: (?:Error: )?(.*?)\. Resolution note:/s.exec(details)?.[1] ?? details;
  return fault === 'null' || fault.trim() === '' ? 'no connection' : fault.trim();
}
