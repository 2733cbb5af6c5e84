import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServerErrorResponse,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  ExecutorService,
  type ExecutorServer,
  NodeService,
  type NodeServer,
} from '@armada-ts/api/api/control';
import { EventService, type EventServer } from '@armada-ts/api/api/event';
import { QueueServiceService, type QueueServiceServer } from '@armada-ts/api/api/queue';
import { SubmitService, type SubmitServer } from '@armada-ts/api/api/submit';
import { JobListServiceService, type JobListServiceServer } from '@armada-ts/api/armada/jobs/v1/jobs';
import { LogServiceService, type LogServiceServer } from '@armada-ts/api/armada/logs/v1/logs';
import { ServerInfoServiceService, type ServerInfoServiceServer } from '@armada-ts/api/armada/server/v1/info';
import type { Any } from '@armada-ts/api/google/protobuf/any';
import { Status } from '@armada-ts/api/google/rpc/status';

/** Methods that a test answers itself; all others are Unimplemented. */
export interface FakeMethods {
  submit?: Partial<SubmitServer>;
  queues?: Partial<QueueServiceServer>;
  events?: Partial<EventServer>;
  logs?: Partial<LogServiceServer>;
  jobList?: Partial<JobListServiceServer>;
  executors?: Partial<ExecutorServer>;
  nodes?: Partial<NodeServer>;
  serverInfo?: Partial<ServerInfoServiceServer>;
}

export interface FakeServer extends AsyncDisposable {
  address: string;
  port: number;
  /** Breaks every connection, as a killed server would. */
  stop(): Promise<void>;
}

/** A real gRPC server on loopback whose answers the test makes up. */
export async function startFakeServer(methods: FakeMethods, port = 0): Promise<FakeServer> {
  const server = new Server();
  add(server, SubmitService, methods.submit);
  add(server, QueueServiceService, methods.queues);
  add(server, EventService, methods.events);
  add(server, LogServiceService, methods.logs);
  add(server, JobListServiceService, methods.jobList);
  add(server, ExecutorService, methods.executors);
  add(server, NodeService, methods.nodes);
  add(server, ServerInfoServiceService, methods.serverInfo);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, chosen) =>
      error ? reject(error) : resolve(chosen),
    );
  });
  const stop = async () => server.forceShutdown();
  return { address: `127.0.0.1:${bound}`, port: bound, stop, [Symbol.asyncDispose]: stop };
}

function add(
  server: Server,
  service: ServiceDefinition,
  methods: Partial<UntypedServiceImplementation> | undefined,
): void {
  const given = Object.entries(methods ?? {}).flatMap(([name, method]) =>
    method ? [[name, method] as const] : [],
  );
  if (given.length > 0) server.addService(service, Object.fromEntries(given));
}

/** A refusal with typed details, as servers send it. */
export function refusal(code: status, message: string, details: readonly Any[] = []): ServerErrorResponse {
  const metadata = new Metadata();
  if (details.length > 0) {
    const bytes = Status.encode({ code, message, details: [...details] }).finish();
    metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

/** Packs a message for `refusal`. */
export function detail<Message>(
  typeName: string,
  codec: { encode(message: Message): { finish(): Uint8Array } },
  message: Message,
): Any {
  return {
    typeUrl: `type.googleapis.com/${typeName}`,
    value: Buffer.from(codec.encode(message).finish()),
  };
}
