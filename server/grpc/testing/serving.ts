/** A real gRPC server on a free port, with a service made up for the test, and a real client of it. */
import { type Clock, systemClock } from '../../base/clock.ts';
import { createAdmission } from '../../door/admission.ts';
import type { Door } from '../../door/call.ts';
import { watchLateness } from '../../door/lateness.ts';
import { openDoor } from '../../door/testing/doors.ts';
import {
  bidiStream,
  type CallContext,
  type Method,
  type Need,
  serverStream,
  type Service,
  unary,
} from '../../door/method.ts';
import { createGrpcServer } from '../server.ts';
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceDefinition,
} from '@grpc/grpc-js';

export type UnaryMethod = (request: string, context: CallContext) => Promise<string> | string;
export type StreamMethod = (request: string, context: CallContext) => AsyncIterable<string>;
export type BidiMethod = (
  requests: AsyncIterable<string>,
  send: (message: string) => Promise<void>,
  context: CallContext,
) => Promise<void>;

export interface Methods {
  ask?: UnaryMethod;
  count?: StreamMethod;
  talk?: BidiMethod;
}

type Headers = Record<string, string>;

export interface Served {
  maxRequestBytes: number;
  ask: (request: string, headers?: Headers) => Promise<string>;
  askBytes: (bytes: Buffer) => Promise<string>;
  /** All items; rejects with the status. */
  count: (request: string, headers?: Headers) => Promise<string[]>;
  /** Says one thing and hears all. */
  talk: (request: string, options?: { halfClose: boolean }) => Promise<string[]>;
  openAsk: (request: string, headers?: Headers) => ClientUnaryCall;
  openCount: (request: string, headers?: Headers) => ClientReadableStream<string>;
  openTalk: () => ClientDuplexStream<string, string>;
  /** Tells the door that the server stops. */
  stop: () => void;
  [Symbol.asyncDispose]: () => Promise<void>;
}

const MAX_REQUEST_BYTES = 64 * 1024;

// An empty request would count as none: the library asks whether there is one by its truth.
const serialize = (text: string): Buffer => Buffer.from(JSON.stringify(text));
const deserialize = (bytes: Buffer): string => String(JSON.parse(bytes.toString()));
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Test/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});
const METHODS = {
  ask: method('Ask', false, false),
  count: method('Count', false, true),
  talk: method('Talk', true, true),
};

/** Serves these methods, all with the same need, to anonymous callers who may do everything. */
export async function serving(
  methods: Methods,
  { clock = systemClock, ...door }: Partial<Door> & { clock?: Clock } = {},
  need: Need = 'authenticated',
  channel: ChannelOptions = {},
): Promise<Served> {
  const stopping = new AbortController();
  const whole = openDoor({ stopping: stopping.signal, ...door });
  const lateness = watchLateness(clock);
  const admission = createAdmission({ lateMs: () => lateness.lateMs(), clock, logger: whole.logger });
  const server = createGrpcServer([serviceOf(methods, need)], {
    maxRequestBytes: MAX_REQUEST_BYTES,
    admission,
    door: whole,
  });
  const port = await server.listen('127.0.0.1', 0);
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channel);
  return {
    maxRequestBytes: MAX_REQUEST_BYTES,
    ...callsOf(client),
    stop: () => stopping.abort(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      client.close();
      await server.close();
      lateness.stop();
    },
  };
}

function serviceOf({ ask, count, talk }: Methods, need: Need): Service {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const methods: Record<string, Method> = {};
  if (ask) {
    definition['ask'] = METHODS.ask;
    methods['ask'] = unary(need, ask);
  }
  if (count) {
    definition['count'] = METHODS.count;
    methods['count'] = serverStream(need, count);
  }
  if (talk) {
    definition['talk'] = METHODS.talk;
    methods['talk'] = bidiStream(need, talk);
  }
  return { definition, methods };
}

function callsOf(client: Client): Omit<Served, 'maxRequestBytes' | 'stop' | typeof Symbol.asyncDispose> {
  const metadata = (headers: Headers = {}): Metadata => {
    const made = new Metadata();
    for (const [name, value] of Object.entries(headers)) made.set(name, value);
    return made;
  };
  const unaryCall = <Request>(toBytes: (request: Request) => Buffer, request: Request, headers?: Headers) =>
    new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(
        METHODS.ask.path,
        toBytes,
        deserialize,
        request,
        metadata(headers),
        (error, answer) => {
          if (error) reject(error);
          else resolve(answer ?? '');
        },
      );
    });
  const openCount = (request: string, headers?: Headers): ClientReadableStream<string> =>
    client.makeServerStreamRequest(METHODS.count.path, serialize, deserialize, request, metadata(headers));
  const openTalk = (): ClientDuplexStream<string, string> =>
    client.makeBidiStreamRequest(METHODS.talk.path, serialize, deserialize);
  const heedless = <Call extends ClientReadableStream<string>>(call: Call): Call =>
    call.on('error', () => {});
  return {
    openCount: (request, headers) => heedless(openCount(request, headers)),
    openTalk: () => heedless(openTalk()),
    openAsk: (request, headers) =>
      client.makeUnaryRequest(METHODS.ask.path, serialize, deserialize, request, metadata(headers), () => {}),
    ask: (request, headers) => unaryCall(serialize, request, headers),
    askBytes: (bytes) => unaryCall((given: Buffer) => given, bytes),
    count: (request, headers) => itemsOf(openCount(request, headers)),
    talk: (request, { halfClose } = { halfClose: true }) => {
      const call = openTalk();
      call.write(request);
      if (halfClose) call.end();
      return itemsOf(call);
    },
  };
}

async function itemsOf(stream: AsyncIterable<unknown>): Promise<string[]> {
  const items: string[] = [];
  for await (const item of stream) items.push(String(item));
  return items;
}
