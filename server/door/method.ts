/**
 * A service is written once, over plain messages: an object of methods, each
 * with what its caller needs. The doors, gRPC, REST and Connect, call them all alike.
 */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import type { Permission } from '../auth/permissions.ts';
import type { Principal } from '../auth/principal.ts';
import type { QueueVerb } from '../model/queue.ts';
import { MAX_UNSENT } from './sender.ts';

/**
 * What a caller must be allowed to do: a global permission, checked at the door; a
 * verb on the queue that the request names, checked by the service, which finds
 * the queue; or nothing beyond being known, and for what is told to `anyone` not
 * even that. Or it must be another server of the same store, which no user can be.
 */
export type Need = Permission | `queue:${QueueVerb}` | 'authenticated' | 'anyone' | 'peer';

/** What a service may know of a call besides its request. */
export interface CallContext {
  principal: Principal;
  /** Aborts when the client goes or the server stops. */
  signal: AbortSignal;
  /** The first value of a header, by its name in small letters; undefined when there is none. */
  header: (name: string) => string | undefined;
  /** W3C traceparent under which what follows from the call is traced; undefined when it is not. */
  traceparent: string | undefined;
  /** Told by streams whose method needs a verb on which queue it is, so that they end when the caller may no longer. */
  onQueue: (queue: string) => void;
}

/** One request, one answer. */
export interface UnaryMethod {
  kind: 'unary';
  need: Need;
  handle: (request: unknown, context: CallContext) => unknown;
}

/** One request, a stream of answers. */
export interface ServerStreamMethod {
  kind: 'serverStream';
  need: Need;
  handle: (request: unknown, context: CallContext) => AsyncIterable<unknown>;
  /** Items that may wait for the client. */
  maxUnsent: number;
  /** How many messages an item brings; one when left out. */
  messagesIn?: ((item: unknown) => number) | undefined;
}

/** A stream both ways. */
export interface BidiStreamMethod {
  kind: 'bidiStream';
  need: Need;
  handle: (
    requests: AsyncIterable<unknown>,
    send: (message: unknown) => Promise<void>,
    context: CallContext,
  ) => Promise<void>;
}

export type Method = UnaryMethod | ServerStreamMethod | BidiStreamMethod;

/** The methods of a service by their names in its definition. */
export type Methods = Readonly<Record<string, Method>>;

/** A service: how its messages travel, and what its methods do. */
export interface Service {
  definition: ServiceDefinition;
  methods: Methods;
}

/** One method of a service, with how its messages travel. */
export interface ServedMethod {
  definition: MethodDefinition<unknown, unknown>;
  method: Method;
}

/** All methods of a service that are served. Throws TypeError when one is defined and not made: that is a fault of ours. */
export function servedMethods({ definition, methods }: Service): ServedMethod[] {
  return Object.entries(definition).map(([name, each]) => {
    const method = methods[name];
    if (!method) throw new TypeError(`${each.path} is not made`);
    return { definition: each as MethodDefinition<unknown, unknown>, method };
  });
}

/** A method with one request and one answer. */
export function unary<Request, Response>(
  need: Need,
  handle: (request: Request, context: CallContext) => Promise<Response> | Response,
): UnaryMethod {
  return { kind: 'unary', need, handle: handle as UnaryMethod['handle'] };
}

/**
 * A method that answers with a stream.
 * @param maxUnsent items that may wait for the client; the usual number when left out
 * @param messagesIn how many messages an item brings; one when left out
 */
export function serverStream<Request, Item>(
  need: Need,
  handle: (request: Request, context: CallContext) => AsyncIterable<Item>,
  maxUnsent = MAX_UNSENT,
  messagesIn?: (item: Item) => number,
): ServerStreamMethod {
  const untyped = { handle, messagesIn } as Pick<ServerStreamMethod, 'handle' | 'messagesIn'>;
  return { kind: 'serverStream', need, ...untyped, maxUnsent };
}

/** A method with a stream both ways. */
export function bidiStream<Request, Response>(
  need: Need,
  handle: (
    requests: AsyncIterable<Request>,
    send: (message: Response) => Promise<void>,
    context: CallContext,
  ) => Promise<void>,
): BidiStreamMethod {
  return { kind: 'bidiStream', need, handle: handle as BidiStreamMethod['handle'] };
}
