import { type ChannelCredentials, Metadata, credentials } from '@grpc/grpc-js';
import { KeyServiceClient } from '@armada-ts/api/armada/auth/v1/keys';
import { ExecutorLinkServiceClient } from '@armada-ts/api/armada/executor/v1/executor';
import { ExecutorApiClient } from '@armada-ts/api/executorapi/executorapi';
import { parseAddresses } from '@armada-ts/api/servers/addresses';
import { chooseServer, type Dialled, RECONNECT_OPTIONS } from '@armada-ts/api/servers/server-choice';
import { tlsCredentials, type TlsFiles } from '@armada-ts/api/servers/tls-credentials';
import { followToken } from '@armada-ts/api/servers/token-file';

import { accessKeyCredentials } from './access-key.ts';

/** How to reach a server. */
export interface ServerSettings extends TlsFiles {
  /** `host:port` of the gRPC port, or several of the same Armada with commas between. */
  address: string;
  /** By default when anything of `TlsFiles` is given. */
  tls?: boolean | undefined;
  username: string | undefined;
  password: string | undefined;
  /** File with a token to show instead of name and password; it may be replaced at any time. */
  tokenFile?: string | undefined;
  /** File with an access key, to come with tokens for it. */
  accessKeyFile?: string | undefined;
}

/** Marks that make our lease stream differ from a Go executor's. */
export interface LeaseMarks {
  /** Random for each executor process: tells one holder of the executor id from another. */
  session: string;
  /** Rises with each lease stream of the process: tells which of two is the newer, at whichever servers they are. */
  stream: number;
}

/** A server and what is asked of it. */
export interface ConnectedServer extends Dialled {
  readonly executorApi: ExecutorApiClient;
  readonly link: ExecutorLinkServiceClient;
}

/** The way to the servers: all loops share it, so what one notices of a server serves the others. */
export interface Connection {
  /** The server in use; waits for one if there is none. Undefined when none answers within the time, and after `close`. */
  reach(withinMs: number): Promise<ConnectedServer | undefined>;
  /** It is connected, but does not do its work: the others come first from now on. */
  passOver(server: ConnectedServer): void;
  /** Metadata of a call; with `marks` those of the lease stream. */
  metadata(marks?: LeaseMarks): Metadata;
  close(): void;
}

/**
 * The loops have a back-off and an order of their own, so the library must not
 * resend calls. Pings find out within 10 s that a server vanished without a word
 * or stands still. Armada's servers want 10 s between pings or data of theirs in
 * between, which the answers to heartbeats are.
 */
const CHANNEL_OPTIONS = {
  ...RECONNECT_OPTIONS,
  'grpc.enable_retries': 0,
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
};

/** Prepares a connection; it is made when it is first needed. Throws TlsFault, TokenFileFault, AddressFault and ConfigError. */
export function connect(server: ServerSettings): Connection {
  const channel = channelCredentials(server);
  const token = server.tokenFile === undefined ? undefined : followToken(server.tokenFile);
  const withKey = server.accessKeyFile === undefined ? undefined : accessKeyCredentials(server.accessKeyFile);
  const servers = chooseServer(parseAddresses(server.address), (address) => dial(address, channel, withKey));
  return {
    reach: (withinMs) => servers.reach(withinMs),
    passOver: (one) => servers.passOver(one),
    metadata(marks) {
      const metadata = new Metadata();
      if (token !== undefined) metadata.set('authorization', `Bearer ${token()}`);
      if (server.username !== undefined) {
        const pair = Buffer.from(`${server.username}:${server.password ?? ''}`).toString('base64');
        metadata.set('authorization', `Basic ${pair}`);
      }
      if (marks !== undefined) {
        metadata.set('armada-lease', 'push');
        metadata.set('armada-session', marks.session);
        metadata.set('armada-stream', String(marks.stream));
      }
      return metadata;
    },
    close: () => servers.close(),
  };
}

function dial(
  address: string,
  channel: ChannelCredentials,
  withKey: ReturnType<typeof accessKeyCredentials> | undefined,
): ConnectedServer {
  const keys = new KeyServiceClient(address, channel, CHANNEL_OPTIONS);
  // The same channel: one connection, and one place that knows whether the server is there.
  const channelOverride = keys.getChannel();
  const options = { channelOverride, interceptors: withKey ? [withKey(keys)] : [] };
  const executorApi = new ExecutorApiClient(address, channel, options);
  const link = new ExecutorLinkServiceClient(address, channel, options);
  return { address, executorApi, link, channel: channelOverride, close: () => keys.close() };
}

function channelCredentials(server: ServerSettings): ChannelCredentials {
  const isSecure = server.tls ?? (server.insecure || (server.caFile ?? server.certFile) !== undefined);
  return isSecure ? tlsCredentials(server) : credentials.createInsecure();
}
