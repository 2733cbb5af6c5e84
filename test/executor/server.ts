/** A server that speaks the executor's side of the protocol and nothing else, for tests. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  ExecutorLinkServiceService,
  type LinkRequest,
  type LinkResponse,
} from '@armada-ts/api/armada/executor/v1/executor';
import type { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import {
  type EventList,
  ExecutorApiService,
  type JobRunLease,
  type LeaseRequest,
  type LeaseStreamMessage,
} from '@armada-ts/api/executorapi/executorapi';
import { Empty } from '@armada-ts/api/google/protobuf/empty';
import { RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';

type LeaseStream = ServerDuplexStream<LeaseRequest, LeaseStreamMessage>;
type LinkStream = ServerDuplexStream<LinkRequest, LinkResponse>;

/** A status with its details. */
export interface Refusal {
  code: status;
  details: string;
  metadata?: Metadata;
}

/** What a server says that has too much to do. */
export function busyFor(delayMs: number): Refusal {
  const retryDelay = { seconds: BigInt(Math.floor(delayMs / 1_000)), nanos: (delayMs % 1_000) * 1_000_000 };
  const value = Buffer.from(RetryInfo.encode({ retryDelay }).finish());
  const code = status.RESOURCE_EXHAUSTED;
  const details = [{ typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }];
  const metadata = new Metadata();
  metadata.set(
    'grpc-status-details-bin',
    Buffer.from(Status.encode({ code, message: 'busy', details }).finish()),
  );
  return { code, details: 'busy', metadata };
}

function refusalOf(refused: status | Refusal): Refusal {
  return typeof refused === 'object' ? refused : { code: refused, details: 'refused' };
}

export interface SampleServer {
  address: string;
  port: number;
  /** Every lease request, the newest last. */
  requests: LeaseRequest[];
  /** Metadata of the newest lease stream. */
  metadata: Record<string, unknown>;
  /** Every event taken, in order of arrival. */
  events: EventSequence_Event[];
  /** Calls of ReportEvents, refused ones too. */
  reportCalls: number;
  /** Says with which status a report is refused, if it is. */
  refuseReports(list: EventList): status | Refusal | undefined;
  /** Set to refuse lease streams with this status. */
  refuseLeases: status | Refusal | undefined;
  /** Set to take requests without answering them, until `answer` is called. */
  isSlow: boolean;
  answer(): void;
  /** Answers from links. */
  answers: LinkRequest[];
  /** Pushes on the open lease stream. */
  push(event: NonNullable<LeaseStreamMessage['event']>): void;
  lease(lease: JobRunLease): void;
  /** Asks on the open link. */
  ask(message: NonNullable<LinkResponse['message']>): void;
  /** Goes away without a word. */
  kill(): void;
}

/**
 * @param port 0 for any free one
 * @param hasLinks false to be a server that knows no links
 */
export async function startSampleServer(port = 0, hasLinks = true): Promise<SampleServer> {
  const server = new Server();
  let leaseStream: LeaseStream | undefined;
  let linkStream: LinkStream | undefined;
  const sample: SampleServer = {
    address: '',
    port,
    requests: [],
    metadata: {},
    events: [],
    reportCalls: 0,
    refuseReports: () => undefined,
    refuseLeases: undefined,
    isSlow: false,
    answer: () => leaseStream?.write({ event: { $case: 'end', value: {} } }),
    answers: [],
    push: (event) => leaseStream?.write({ event }),
    lease: (lease) => leaseStream?.write({ event: { $case: 'lease', value: lease } }),
    ask: (message) => linkStream?.write({ message }),
    kill: () => server.forceShutdown(),
  };
  server.addService(ExecutorApiService, {
    leaseJobRuns(stream: LeaseStream) {
      stream.on('error', () => {});
      if (sample.refuseLeases !== undefined) {
        stream.emit('error', refusalOf(sample.refuseLeases));
        return;
      }
      leaseStream = stream;
      sample.metadata = stream.metadata.getMap();
      stream.on('data', (request: LeaseRequest) => {
        sample.requests.push(request);
        if (!sample.isSlow) sample.answer();
      });
      stream.on('end', () => stream.end());
    },
    reportEvents(call: ServerUnaryCall<EventList, Empty>, callback: sendUnaryData<Empty>) {
      sample.reportCalls++;
      const refused = sample.refuseReports(call.request);
      if (refused !== undefined) {
        callback(refusalOf(refused));
        return;
      }
      for (const sequence of call.request.events) sample.events.push(...sequence.events);
      callback(null, Empty.create());
    },
  });
  if (hasLinks) {
    server.addService(ExecutorLinkServiceService, {
      link(stream: LinkStream) {
        linkStream = stream;
        stream.on('error', () => {});
        stream.on('data', (message: LinkRequest) => sample.answers.push(message));
        stream.on('end', () => stream.end());
      },
    });
  }
  sample.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  sample.address = `127.0.0.1:${sample.port}`;
  return sample;
}
