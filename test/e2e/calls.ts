// Calls as any gRPC client makes them, on the generated definitions alone: what
// came back, whether it was an answer or a refusal.
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Status } from '@armada-ts/api/google/rpc/status';
import { ArmadaClientError, toClientError } from '@armada-ts/client/errors';
import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
  type status,
} from '@grpc/grpc-js';
import { root } from './programs.ts';

export type AnyMethod = MethodDefinition<object, object>;

/** What a call came to. */
export interface Outcome {
  /** Name of the gRPC status; OK as soon as a stream has sent something. */
  code: keyof typeof status;
  /** The first message of the answer; undefined when there was none. */
  answer: object | undefined;
  /** The refusal. */
  error: ArmadaClientError | undefined;
  /** What came with a refusal. */
  trailer: Metadata;
}

/** Calls are cut off after this: none here takes long. */
const DEADLINE_MS = 5_000;

/** Makes a call; a stream of requests has this one, and is then half-closed. */
export function call(
  client: Client,
  method: AnyMethod,
  request: object,
  metadata = new Metadata(),
): Promise<Outcome> {
  const { path, requestSerialize, responseDeserialize } = method;
  const options = { deadline: Date.now() + DEADLINE_MS };
  if (!method.responseStream) {
    return new Promise((resolve) => {
      const done = (error: unknown, answer?: object): void =>
        resolve(error ? refused(error) : answered(answer));
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, done);
    });
  }
  return new Promise((resolve) => {
    const listen = (stream: ClientReadableStream<object> | ClientDuplexStream<object, object>): void => {
      stream.on('error', (error: unknown) => resolve(refused(error)));
      // A refusal is told before the end.
      stream.on('end', () => resolve(answered(undefined)));
      stream.on('data', (answer: object) => {
        resolve(answered(answer));
        stream.cancel();
      });
    };
    if (method.requestStream) {
      const stream = client.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        options,
      );
      listen(stream);
      stream.write(request);
      stream.end();
    } else {
      listen(
        client.makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          options,
        ),
      );
    }
  });
}

export function answered(answer: object | undefined): Outcome {
  return { code: 'OK', answer, error: undefined, trailer: new Metadata() };
}

/** A refusal as the bytes of some other protocol tell it. */
export interface WireRefusal {
  code: number;
  message: string;
  details: readonly { typeUrl: string; value: Buffer }[];
  /** Value of the header `www-authenticate`; none when left out. */
  challenge?: string | undefined;
}

/** The same as a client of gRPC would be told it, details and all. */
export function serviceError({ code, message, details, challenge }: WireRefusal): Error {
  const metadata = new Metadata();
  if (challenge !== undefined) metadata.set('www-authenticate', challenge);
  if (details.length > 0) {
    const bytes = Status.encode({ code, message, details: [...details] }).finish();
    metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  }
  return Object.assign(new Error(message), { code, details: message, metadata });
}

/** What whoever made a call is told by what it rejected with. */
export function refused(thrown: unknown): Outcome {
  const error = toClientError(thrown);
  const trailer =
    thrown instanceof Error && 'metadata' in thrown && thrown.metadata instanceof Metadata
      ? thrown.metadata
      : new Metadata();
  return { code: error.code, answer: undefined, error, trailer };
}

/** Every method of every service that the contract has, by path. */
export async function methodsOfContract(): Promise<Map<string, AnyMethod>> {
  const folder = join(root, 'api/generated/proto');
  const methods = new Map<string, AnyMethod>();
  for await (const file of glob('**/*.ts', { cwd: folder })) {
    const module = (await import(pathToFileURL(join(folder, file)).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module)) {
      // A message of Kubernetes ends like this too.
      if (!name.endsWith('Service') || typeof value !== 'object' || value === null || 'decode' in value)
        continue;
      for (const method of Object.values(value as ServiceDefinition)) methods.set(method.path, method);
    }
  }
  return methods;
}
