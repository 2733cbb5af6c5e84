import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  compressionAlgorithms,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import { packageVersion } from '@armada-ts/api/package-version';
import { type Dialled, RECONNECT_OPTIONS } from '@armada-ts/api/servers/server-choice';
import { tlsCredentials, TlsFault } from '@armada-ts/api/servers/tls-credentials';
import { isLoopback } from '@armada-ts/api/servers/loopback';
import { usesTls } from './address.ts';
import type { ConnectOptions } from './connect.ts';
import { ArmadaClientError } from './errors.ts';

/** One of the servers of a connection. */
export interface ServerChannel extends Dialled {
  readonly client: Client;
}

interface KeepAlive {
  timeMs: number;
  timeoutMs: number;
}

/** A connection that stays silent costs little as long as there is nowhere else to go. */
const KEEP_ALIVE: KeepAlive = { timeMs: 60_000, timeoutMs: 20_000 };
/** Armada's servers allow a ping every 10 s; a little more, as pings do not all travel equally fast. */
const KEEP_ALIVE_OF_SEVERAL: KeepAlive = { timeMs: 11_000, timeoutMs: 5_000 };
/** Answers larger than this are refused: four times what servers accept, as a list may be longer than a submission. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** What is asked of a server that cannot be reached, to be told why; whatever it answers, it can be. */
const PROBE_PATH = '/grpc.health.v1.Health/Check';
const PROBE_MS = 500;

/** TLS or none, by the address of a server. */
export type ChannelSecurity = (address: string) => ChannelCredentials;

/** Throws ArmadaClientError for files that cannot be used. */
export function channelSecurity({ tls, forceNoTls = false }: ConnectOptions): ChannelSecurity {
  if (!tls) {
    return (address) =>
      usesTls(address, forceNoTls) ? credentials.createSsl() : credentials.createInsecure();
  }
  if (forceNoTls) throw new ArmadaClientError('INVALID_ARGUMENT', 'tls and forceNoTls exclude each other');
  try {
    const secure = tlsCredentials(tls);
    return () => secure;
  } catch (error) {
    if (!(error instanceof TlsFault)) throw error;
    throw new ArmadaClientError('INVALID_ARGUMENT', `tls: ${error.message}`, { cause: error });
  }
}

/** Prepares a channel to one of `count` servers; nothing is sent before the first call. */
export function openChannel(
  address: string,
  count: number,
  options: ConnectOptions & { security: ChannelSecurity },
): ServerChannel {
  const keepAlive = count > 1 ? KEEP_ALIVE_OF_SEVERAL : KEEP_ALIVE;
  const channelOptions: ClientOptions = {
    ...RECONNECT_OPTIONS,
    'grpc.keepalive_time_ms': options.keepAliveTimeMs ?? keepAlive.timeMs,
    'grpc.keepalive_timeout_ms': options.keepAliveTimeoutMs ?? keepAlive.timeoutMs,
    'grpc.default_compression_algorithm':
      (options.gzip ?? !isLoopback(address)) ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    // A proxy from the environment cannot reach this machine's loopback.
    'grpc.enable_http_proxy': isLoopback(address) ? 0 : 1,
  };
  const client = new Client(address, options.security(address), channelOptions);
  return { address, client, channel: client.getChannel(), close: () => client.close() };
}

const VERSION = packageVersion(import.meta.url);

/**
 * What is sent with every call: the version of this library, so that a server says
 * when they do not go together, and the credentials. These are metadata and not
 * gRPC call credentials, because those are refused on a plaintext channel, and a
 * server on loopback may ask for a password.
 */
export function callMetadata(options: ConnectOptions): Metadata {
  const metadata = new Metadata();
  metadata.set('armada-client-version', VERSION);
  if (options.basicAuth) {
    const { username, password } = options.basicAuth;
    metadata.set('authorization', `basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  }
  return metadata;
}

/**
 * Why a server cannot be reached; undefined when there is no more to say than
 * that it cannot. A channel tells its state only, and keeps the reason for the
 * next call.
 */
export function connectionFault(server: ServerChannel): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + PROBE_MS };
    server.client.makeUnaryRequest(
      PROBE_PATH,
      () => Buffer.alloc(0),
      () => undefined,
      undefined,
      new Metadata(),
      options,
      (error) => resolve(error?.details === undefined ? undefined : socketFault(error.details)),
    );
  });
}

/**
 * grpc-js wraps the socket's error in remarks on name resolution and on the time
 * that help nobody; OpenSSL what it has to say in where in its code it says so.
 */
function socketFault(details: string): string | undefined {
  const fault = /Last error: (?:Error: )?(.*?)\. Resolution note:/s.exec(details)?.[1] ?? details;
  const isSilent = fault === 'null' || fault.trim() === '' || /^Deadline exceeded/i.test(fault);
  const ofOpenSsl = /:SSL routines:[^:]*:([^:]+):/.exec(fault)?.[1];
  // Node's advice on how to start it.
  const told = (ofOpenSsl ?? fault).replace(/; if the root CA is installed locally.*/s, '');
  return isSilent ? undefined : told.trim().replace(/ \(\d{4}-[\dT:.-]+Z\)$/, '');
}
