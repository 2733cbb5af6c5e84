import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** A service and what it is made of. */
export interface Service {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

export interface GrpcServer {
  /** Resolves to the port, which is free to choose when `port` is 0. Rejects with a text for people. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new calls and waits for those under way, but not for long. */
  close(): Promise<void>;
}

/** How long calls under way may take after the server was told to stop. */
const DRAIN_MS = 5_000;

/**
 * Makes the gRPC server.
 * @param maxRequestBytes largest message taken, after decompression
 */
export function createGrpcServer(services: readonly Service[], maxRequestBytes: number): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': maxRequestBytes,
    'grpc.max_send_message_length': -1,
    // Compressed answers only to clients that ask for them.
    'grpc.default_compression_algorithm': 0,
    'grpc.max_concurrent_streams': 1000,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.max_metadata_size': 16 * 1024,
  });
  for (const { definition, implementation } of services) server.addService(definition, implementation);

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
        server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
          if (error) reject(new Error(`cannot listen on ${address}: ${error.message}`));
          else resolve(bound);
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
