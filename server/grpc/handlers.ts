/** Calls of the gRPC library, passed through the door. Services know nothing of grpc-js. */
import type { EventEmitter } from 'node:events';
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerDuplexStream,
  type ServerWritableStream,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  answerHeaders,
  callUnary,
  type Door,
  type Incoming,
  refusalOf,
  requestIdOf,
  sendStream,
  talk,
} from '../door/call.ts';
import type { BidiStreamMethod, Method, Methods, ServerStreamMethod, UnaryMethod } from '../door/method.ts';
import { toWireError, type WireError } from './wire-error.ts';

/** The methods as the library wants them. */
export function handlersOf(door: Door, methods: Methods): UntypedServiceImplementation {
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, handlerOf(door, method)]));
}

function handlerOf(door: Door, method: Method): UntypedServiceImplementation[string] {
  if (method.kind === 'unary') return unaryHandler(door, method);
  return method.kind === 'serverStream' ? streamHandler(door, method) : bidiHandler(door, method);
}

function unaryHandler(door: Door, method: UnaryMethod): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const incoming = takeUp(door, call);
    callUnary(door, method, incoming, call.request).then(
      (response) => callback(null, response),
      (error: unknown) => {
        sendHeaders(door, call, incoming);
        callback(wireError(door, error, incoming));
      },
    );
  };
}

function streamHandler(door: Door, method: ServerStreamMethod): handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    const incoming = takeUp(door, call);
    end(door, call, incoming, sendStream(door, method, incoming, { request: call.request, to: call }));
  };
}

function bidiHandler(door: Door, method: BidiStreamMethod): handleBidiStreamingCall<unknown, unknown> {
  return (call) => {
    const incoming = takeUp(door, call);
    const requestsUntil = (signal: AbortSignal): AsyncIterable<unknown> => messagesOf(call, signal);
    end(door, call, incoming, talk(door, method, incoming, { requestsUntil, to: call }));
  };
}

type StreamCall = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;

/** What all calls have. */
interface AnyCall extends BegunCall, Pick<EventEmitter, 'on'> {
  readonly cancelled: boolean;
  sendMetadata(headers: Metadata): void;
}

/** What there is of a call before its first message. */
export interface BegunCall {
  readonly metadata: Metadata;
  getPath(): string;
  getPeer(): string;
  getAuthContext(): { sslPeerCertificate?: { raw?: Buffer } };
}

/** The call as the door wants it. */
function takeUp(door: Door, call: AnyCall): Incoming {
  const incoming = Object.assign(
    incomingOf(door, call, (leave) => whenGone(call, leave)),
    knocked.get(call.metadata),
  );
  incoming.entered = () => sendHeaders(door, call, incoming);
  return incoming;
}

/** What was found out before a message was read, of calls whose messages are packed. */
export const knocked = new WeakMap<Metadata, Pick<Incoming, 'known' | 'reply'>>();

/** Begins the answer where something is to be said before it. */
function sendHeaders(door: Door, call: AnyCall, incoming: Incoming): void {
  const headers = headersOf(door, incoming);
  if (headers) call.sendMetadata(headers);
}

/** What is to be said before the answer; undefined when nothing is. */
export function headersOf(door: Door, incoming: Incoming): Metadata | undefined {
  const headers = answerHeaders(door, incoming);
  if (!headers) return undefined;
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

function whenGone(call: AnyCall, leave: () => void): void {
  if (call.cancelled) leave();
  call.on('cancelled', leave);
  call.on('error', leave);
}

/**
 * The call as the door wants it. grpc-js cancels every call in the end, and few
 * methods ask for the signal: one is made when it is asked for.
 */
export function incomingOf(door: Door, call: BegunCall, tellWhenGone: (leave: () => void) => void): Incoming {
  let gone: AbortController | undefined;
  let requestId: string | undefined;
  return {
    protocol: 'grpc',
    get path() {
      return call.getPath();
    },
    get peer() {
      const peer = call.getPeer();
      return door.findClient ? door.findClient(peer, valuesOf(call.metadata, 'x-forwarded-for')) : peer;
    },
    // Without an authority that the port trusts there is no connection.
    get certificate() {
      return call.getAuthContext().sslPeerCertificate?.raw;
    },
    get requestId() {
      return (requestId ??= requestIdOf(door, valuesOf(call.metadata, 'x-request-id')[0]));
    },
    headers: (name) => valuesOf(call.metadata, name),
    get gone() {
      if (gone === undefined) {
        const made = new AbortController();
        tellWhenGone(() => made.abort());
        gone = made;
      }
      return gone.signal;
    },
  };
}

function valuesOf(metadata: Metadata, name: string): string[] {
  return metadata.get(name).map(String);
}

function end(door: Door, call: StreamCall, incoming: Incoming, serving: Promise<void>): void {
  serving.then(
    () => {
      if (!call.cancelled) call.end();
    },
    (error: unknown) => {
      if (call.cancelled) return;
      sendHeaders(door, call, incoming);
      call.emit('error', wireError(door, error, incoming));
    },
  );
}

/** The client's messages; ends when it half-closes, goes, or the server stops. */
async function* messagesOf(
  call: ServerDuplexStream<unknown, unknown>,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const waiting: unknown[] = [];
  let isOver = false;
  let wake = (): void => {};
  const over = (): void => {
    isOver = true;
    wake();
  };
  call.on('data', (message: unknown) => {
    waiting.push(message);
    // Read no further ahead than the service keeps up with.
    call.pause();
    wake();
  });
  call.on('end', over);
  signal.addEventListener('abort', over);
  if (signal.aborted) isOver = true;
  for (;;) {
    if (waiting.length > 0) yield waiting.shift();
    else if (isOver) return;
    else {
      call.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

export function wireError(door: Door, error: unknown, incoming: Incoming): WireError {
  const { challenges, ...told } = refusalOf(door, error, incoming);
  const wire = toWireError(told);
  for (const challenge of challenges) wire.metadata.add('www-authenticate', challenge);
  return wire;
}
