import fs from 'node:fs';
import { type ChannelCredentials, Metadata, credentials } from '@grpc/grpc-js';
import { ExecutorLinkServiceClient } from '@armada-ts/api/armada/executor/v1/executor';
import { ExecutorApiClient } from '@armada-ts/api/executorapi/executorapi';

/** How to reach a server. */
export interface ServerSettings {
  /** `host:port` of the gRPC port. */
  address: string;
  tls: boolean;
  /** Certificates to trust instead of the system's; needs `tls`. */
  caFile: string | undefined;
  username: string | undefined;
  password: string | undefined;
}

/** Marks that make our lease stream differ from a Go executor's. */
export interface LeaseMarks {
  /** Random for each executor process: tells one holder of the executor id from another. */
  session: string;
  /** Rises with each lease stream of the process: tells which of two is the newer, at whichever servers they are. */
  stream: number;
}

export interface Connection {
  executorApi: ExecutorApiClient;
  link: ExecutorLinkServiceClient;
  /** Metadata of a call; with `marks` those of the lease stream. */
  metadata(marks?: LeaseMarks): Metadata;
  close(): void;
}

/**
 * The loops have a back-off and an order of their own, so the library must
 * neither resend a call nor hold back a connection for the two minutes that are
 * its default. Pings find out within 15 s that a server vanished without a word.
 */
const CHANNEL_OPTIONS = {
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
};

/** Prepares a connection; it is made by the first call. Throws when `caFile` cannot be read. */
export function connect(server: ServerSettings): Connection {
  const channel = channelCredentials(server);
  const executorApi = new ExecutorApiClient(server.address, channel, CHANNEL_OPTIONS);
  // The same channel: one connection, and one place that knows whether the server is there.
  const link = new ExecutorLinkServiceClient(server.address, channel, {
    channelOverride: executorApi.getChannel(),
  });
  return {
    executorApi,
    link,
    metadata(marks) {
      const metadata = new Metadata();
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
    close: () => executorApi.close(),
  };
}

function channelCredentials(server: ServerSettings): ChannelCredentials {
  if (!server.tls) return credentials.createInsecure();
  return credentials.createSsl(server.caFile === undefined ? null : fs.readFileSync(server.caFile));
}
