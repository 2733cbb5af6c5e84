/**
 * The door of the gRPC port: what every call passes before a service sees it.
 * It names the caller, checks the permission that the method declares, ends the
 * call when the client goes or the server stops, and turns errors into statuses.
 * Services are written over plain messages and know nothing of grpc-js.
 */
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Chain } from '../auth/chain.ts';
import type { Permission } from '../auth/permissions.ts';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { QueueVerb } from '../model/queue.ts';
import { toWireError, type WireError } from './errors.ts';
import { createSender, MAX_UNSENT } from './sender.ts';

/**
 * What a caller must be allowed to do: a global permission, checked here; a
 * verb on the queue that the request names, checked by the service, which finds
 * the queue; or nothing beyond being known. Or it must be another server of the
 * same store, which no user can be.
 */
export type Need = Permission | `queue:${QueueVerb}` | 'authenticated' | 'peer';

/** What a service may know of a call besides its request. */
export interface CallContext {
  principal: Principal;
  /** Aborts when the client goes or the server stops. */
  signal: AbortSignal;
  metadata: Metadata;
}

export interface Door {
  chain: Chain;
  authorizer: Authorizer;
  /** Id of the server that made a token; undefined when it is not to be believed. */
  callerOf: (token: string) => string | undefined;
  logger: Logger;
  /** Aborts when the server begins to stop: streams end then, calls finish. */
  stopping: AbortSignal;
  newRequestId: () => string;
  /** How long a stream's client may take nothing before it is cut off; 30 s when left out. */
  slowClientMs?: number;
}

/** A method with one request and one answer. */
export function unary<Request, Response>(
  door: Door,
  need: Need,
  handle: (request: Request, context: CallContext) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    void enter(door, need, call.metadata)
      .then((principal) => handle(call.request, unaryContext(call, principal)))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(wireError(door, error, call.metadata)),
      );
  };
}

/** Few methods ask for the signal, and grpc-js cancels every call in the end: one is made when it is asked for. */
function unaryContext(call: ServerUnaryCall<unknown, unknown>, principal: Principal): CallContext {
  let gone: AbortController | undefined;
  return {
    principal,
    metadata: call.metadata,
    get signal() {
      if (gone === undefined) {
        const made = new AbortController();
        if (call.cancelled) made.abort();
        else call.on('cancelled', () => made.abort());
        gone = made;
      }
      return gone.signal;
    },
  };
}

/**
 * A method that answers with a stream.
 * @param maxUnsent items that may wait for the client; the usual number when left out
 */
export function serverStream<Request, Item>(
  door: Door,
  need: Need,
  handle: (request: Request, context: CallContext) => AsyncIterable<Item>,
  maxUnsent = MAX_UNSENT,
): handleServerStreamingCall<Request, Item> {
  return (call) => {
    void serveStream(door, call, async (signal) => {
      const principal = await enter(door, need, call.metadata);
      const context = { principal, signal, metadata: call.metadata };
      using sender = createSender(call, { signal, slowClientMs: door.slowClientMs, maxUnsent });
      for await (const item of handle(call.request, context)) {
        if (signal.aborted) break;
        await sender.send(item);
      }
    });
  };
}

/** A method with a stream both ways. */
export function bidiStream<Request, Response>(
  door: Door,
  need: Need,
  handle: (
    requests: AsyncIterable<Request>,
    send: (message: Response) => Promise<void>,
    context: CallContext,
  ) => Promise<void>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    void serveStream(door, call, async (signal) => {
      const principal = await enter(door, need, call.metadata);
      using sender = createSender(call, { signal, slowClientMs: door.slowClientMs, maxUnsent: MAX_UNSENT });
      const { metadata } = call;
      await handle(messagesOf(call, signal), (message) => sender.send(message), {
        principal,
        signal,
        metadata,
      });
    });
  };
}

async function enter(door: Door, need: Need, metadata: Metadata): Promise<Principal> {
  const [token] = need === 'peer' ? metadata.get('armada-peer') : [];
  if (token !== undefined) return peer(door, String(token));
  const principal = await door.chain.authenticate(metadata.get('authorization').map(String));
  if (need === 'peer') throw new ArmadaError('PERMISSION_DENIED', 'only servers call this');
  if (need !== 'authenticated' && !need.startsWith('queue:')) {
    door.authorizer.demand(principal, need as Permission);
  }
  return principal;
}

function peer(door: Door, token: string): Principal {
  const id = door.callerOf(token);
  if (id === undefined) throw new ArmadaError('UNAUTHENTICATED', 'the token is of no server');
  return { name: id, groups: [], scopes: [], scheme: 'peer' };
}

type StreamCall<Request, Response> =
  | ServerWritableStream<Request, Response>
  | ServerDuplexStream<Request, Response>;

/** Runs a stream to its end, whoever ends it. */
async function serveStream<Request, Response>(
  door: Door,
  call: StreamCall<Request, Response>,
  serve: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const gone = new AbortController();
  const stop = (): void => gone.abort();
  call.on('cancelled', stop);
  call.on('error', stop);
  door.stopping.addEventListener('abort', stop);
  try {
    if (door.stopping.aborted) throw stoppingError();
    await serve(gone.signal);
    if (door.stopping.aborted) throw stoppingError();
    if (!call.cancelled) call.end();
  } catch (error) {
    if (!call.cancelled)
      call.emit('error', wireError(door, door.stopping.aborted ? stoppingError() : error, call.metadata));
  } finally {
    door.stopping.removeEventListener('abort', stop);
  }
}

function stoppingError(): ArmadaError {
  const message = 'the server is stopping; connect again and go on from the last message received';
  return new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 500 });
}

/** The client's messages; ends when it half-closes, goes, or the server stops. */
async function* messagesOf<Request, Response>(
  call: ServerDuplexStream<Request, Response>,
  signal: AbortSignal,
): AsyncGenerator<Request> {
  const waiting: Request[] = [];
  let isOver = false;
  let wake = (): void => {};
  const over = (): void => {
    isOver = true;
    wake();
  };
  call.on('data', (message: Request) => {
    waiting.push(message);
    // Read no further ahead than the service keeps up with.
    call.pause();
    wake();
  });
  call.on('end', over);
  signal.addEventListener('abort', over);
  if (signal.aborted) isOver = true;
  for (;;) {
    const message = waiting.shift();
    if (message !== undefined) yield message;
    else if (isOver) return;
    else {
      call.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

function wireError(door: Door, error: unknown, metadata: Metadata): WireError {
  const given = metadata.get('x-request-id')[0];
  const requestId = typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : door.newRequestId();
  const wire = toWireError(error, requestId, door.logger);
  if (error instanceof ArmadaError && error.code === 'UNAUTHENTICATED') {
    for (const challenge of door.chain.challenges) wire.metadata.add('www-authenticate', challenge);
  }
  return wire;
}
