/**
 * The door: what every call passes before a service sees it, whatever protocol
 * brought it. It names the caller, checks the permission that the method
 * declares, ends the call when the client goes or the server stops, and a stream
 * also when its caller is to be believed no longer, or may no longer.
 */
import { status } from '@grpc/grpc-js';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Caller, Chain } from '../auth/chain.ts';
import type { Permission } from '../auth/permissions.ts';
import type { Principal } from '../auth/principal.ts';
import type { HeldRight, RightsWatch } from '../auth/rights-watch.ts';
import type { FindClient } from '../auth/trusted-proxies.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { QueueVerb } from '../model/queue.ts';
import { type CallStatus, toCallStatus } from './errors.ts';
import type { BidiStreamMethod, CallContext, Need, ServerStreamMethod, UnaryMethod } from './method.ts';
import { type CallObserver, ClientGoneError, type ObservedCall } from './observer.ts';
import { createSender, MAX_UNSENT, type Outgoing } from './sender.ts';

export interface Door {
  chain: Chain;
  authorizer: Authorizer;
  /** Ends streams whose callers are to be believed no longer, or may no longer. */
  rights: Pick<RightsWatch, 'watch'>;
  /** Id of the server that made a token; undefined when it is not to be believed. */
  callerOf: (token: string) => string | undefined;
  /** Where calls come from that come by way of proxies; undefined where no proxy is believed. */
  findClient?: FindClient | undefined;
  logger: Logger;
  /** Aborts when the server begins to stop: streams end then, calls finish. */
  stopping: AbortSignal;
  newRequestId: () => string;
  /** Told of every call. */
  observer: CallObserver;
  /** How long a stream's client may take nothing before it is cut off; 30 s when left out. */
  slowClientMs?: number;
  /** What a client of this version is to be told of it; undefined when it suits. */
  versionNotice?: (clientVersion: string) => string | undefined;
}

/** A call as its protocol brings it. */
export interface Incoming extends Caller {
  readonly protocol: 'grpc' | 'connect' | 'rest';
  /** `/package.Service/Method`. */
  readonly path: string;
  /** By which the call is found in the log; see requestIdOf. */
  readonly requestId: string;
  /** All values of a header, by its name in small letters. */
  headers: (name: string) => readonly string[];
  /** Aborts when the client goes. */
  readonly gone: AbortSignal;
  /** Who calls, where that was found out before, by knocking or by another call of the same request: credentials may be good for one time only. */
  known?: Principal | undefined;
  /** Told when it is known who calls, and that they may: what goes ahead of the answer may go. */
  entered?(principal: Principal): void;
}

/** Answers a call of a method with one answer. Rejects with what it threw. */
export async function callUnary(
  door: Door,
  { need, handle }: UnaryMethod,
  incoming: Incoming,
  request: unknown,
): Promise<unknown> {
  const observed = door.observer.began(incoming, 'unary', request);
  observed.messages.received++;
  try {
    const principal = await enter(door, need, incoming, observed);
    observed.entered(principal);
    incoming.entered?.(principal);
    const answer = await handle(request, {
      principal,
      traceparent: observed.traceparent,
      header: (name) => incoming.headers(name)[0],
      onQueue: whatever,
      // Few methods ask for the signal, and making one is not free.
      get signal() {
        return incoming.gone;
      },
    });
    observed.messages.sent++;
    observed.over(undefined);
    return answer;
  } catch (error) {
    observed.over(error);
    throw error;
  }
}

/** Sends all that a method streams, no faster than the client takes it. Resolves at the end of the stream, rejects with what ended it before. */
export function sendStream(
  door: Door,
  { need, handle, maxUnsent, messagesIn }: ServerStreamMethod,
  incoming: Incoming,
  { request, to }: { request: unknown; to: Outgoing<unknown> },
): Promise<void> {
  return untilOver(door, incoming, { kind: 'serverStream', request }, async (stream) => {
    const { signal, observed } = stream;
    observed.messages.received++;
    const context = await enterStream(door, need, incoming, stream);
    using sender = createSender(to, { signal, slowClientMs: door.slowClientMs, maxUnsent });
    for await (const item of handle(request, context)) {
      if (signal.aborted) break;
      observed.messages.sent += messagesIn ? messagesIn(item) : 1;
      await sender.send(item);
    }
  });
}

/**
 * The same with a stream of requests.
 * @param requestsUntil the client's messages; ends when it half-closes, or the signal aborts
 */
export function talk(
  door: Door,
  { need, handle }: BidiStreamMethod,
  incoming: Incoming,
  {
    requestsUntil,
    to,
  }: { requestsUntil: (signal: AbortSignal) => AsyncIterable<unknown>; to: Outgoing<unknown> },
): Promise<void> {
  return untilOver(door, incoming, { kind: 'bidiStream' }, async (stream) => {
    const { signal, observed } = stream;
    const context = await enterStream(door, need, incoming, stream);
    using sender = createSender(to, { signal, slowClientMs: door.slowClientMs, maxUnsent: MAX_UNSENT });
    const send = (message: unknown): Promise<void> => {
      observed.messages.sent++;
      return sender.send(message);
    };
    await handle(counted(requestsUntil(signal), observed), send, context);
  });
}

/** What the caller is told of whatever was thrown, and how to become known to whom is not. */
export function refusalOf(
  door: Door,
  error: unknown,
  incoming: Pick<Incoming, 'requestId' | 'reply'>,
): CallStatus & { challenges: readonly string[] } {
  const told = toCallStatus(error, incoming.requestId, door.logger);
  const isUnknown = told.code === status.UNAUTHENTICATED;
  // Who is asked for the next step of one scheme is not asked for other credentials.
  const challenges = incoming.reply === undefined ? door.chain.challenges : [incoming.reply];
  return { ...told, challenges: isUnknown ? challenges : [] };
}

/**
 * Headers of the answer to a call, served or refused, on every protocol; they go
 * before the first message. Undefined when there are none, as for most calls of
 * gRPC, where an id that nobody asked for would cost more than it is worth.
 */
export function answerHeaders(door: Door, incoming: Incoming): Readonly<Record<string, string>> | undefined {
  const [clientVersion] = door.versionNotice ? incoming.headers('armada-client-version') : [];
  const notice = clientVersion === undefined ? undefined : door.versionNotice?.(clientVersion);
  const isIdTold = incoming.protocol !== 'grpc' || incoming.headers('x-request-id').length > 0;
  const { reply } = incoming;
  if (!isIdTold && notice === undefined && reply === undefined) return undefined;
  return {
    ...(isIdTold && { 'x-request-id': incoming.requestId }),
    ...(notice !== undefined && { 'armada-version-notice': notice }),
    ...(reply !== undefined && { 'www-authenticate': reply }),
  };
}

/** The id by which a call is found in the log: the caller's own, from `x-request-id`, if it gives one. */
export function requestIdOf(door: Pick<Door, 'newRequestId'>, given: string | undefined): string {
  return given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : door.newRequestId();
}

/** Whoever calls what is told to anyone: their credentials are not looked at, so that wrong ones do no harm. */
const ANYONE: Principal = { name: 'anyone', groups: [], scopes: [], scheme: 'none' };

async function enter(door: Door, need: Need, incoming: Incoming, observed: ObservedCall): Promise<Principal> {
  const principal = await identify(door, need, incoming);
  observed.named(principal);
  if (need === 'anyone' || principal.scheme === 'peer') return principal;
  if (need === 'peer') throw new ArmadaError('PERMISSION_DENIED', 'only servers call this');
  if (need !== 'authenticated' && !need.startsWith('queue:')) {
    door.authorizer.demand(principal, need as Permission);
  }
  return principal;
}

/** Throws UNAUTHENTICATED, and whatever else schemes throw. */
export async function identify(door: Door, need: Need, incoming: Incoming): Promise<Principal> {
  if (need === 'anyone') return ANYONE;
  const [token] = need === 'peer' ? incoming.headers('armada-peer') : [];
  if (token !== undefined) return peer(door, token);
  const { known } = incoming;
  if (known === undefined) return await door.chain.authenticate(incoming.headers('authorization'), incoming);
  // What lies in between may have taken a while.
  const fault = door.chain.recheck(known);
  if (fault) throw fault;
  return known;
}

function peer(door: Door, token: string): Principal {
  const id = door.callerOf(token);
  if (id === undefined) throw new ArmadaError('UNAUTHENTICATED', 'the token is of no server');
  return { name: id, groups: [], scopes: [], scheme: 'peer' };
}

/** A stream under way. */
interface OpenStream {
  /** Aborts when it is to end, whoever wants it. */
  readonly signal: AbortSignal;
  readonly observed: ObservedCall;
  /** What the caller is let in by, once they are. */
  right: HeldRight | undefined;
  /** Ends it with an error. */
  revoke: (error: ArmadaError) => void;
}

async function enterStream(
  door: Door,
  need: Need,
  incoming: Incoming,
  stream: OpenStream,
): Promise<CallContext> {
  const { signal, observed, revoke } = stream;
  const principal = await enter(door, need, incoming, observed);
  const { chain, authorizer } = door;
  const verb = verbOf(need);
  // Other servers, and those who need not be anybody, have nothing that could be taken from them.
  if (need !== 'peer' && need !== 'anyone') {
    const permission = verb || need === 'authenticated' ? undefined : (need as Permission);
    stream.right = door.rights.watch({ principal, chain, authorizer, permission, end: revoke });
  }
  observed.entered(principal);
  incoming.entered?.(principal);
  return {
    principal,
    signal,
    traceparent: observed.traceparent,
    header: (name) => incoming.headers(name)[0],
    onQueue: (queue) => {
      if (verb) stream.right?.onQueue(queue, verb);
    },
  };
}

function verbOf(need: Need): QueueVerb | undefined {
  return need.startsWith('queue:') ? (need.slice('queue:'.length) as QueueVerb) : undefined;
}

/** One call is over before its queue could change its mind. */
function whatever(): void {}

async function* counted(
  requests: AsyncIterable<unknown>,
  { messages }: ObservedCall,
): AsyncGenerator<unknown> {
  for await (const request of requests) {
    messages.received++;
    yield request;
  }
}

/** Runs a stream to its end, whoever ends it. */
async function untilOver(
  door: Door,
  incoming: Incoming,
  asked: { kind: 'serverStream' | 'bidiStream'; request?: unknown },
  serve: (stream: OpenStream) => Promise<void>,
): Promise<void> {
  const { gone } = incoming;
  const observed = door.observer.began(incoming, asked.kind, asked.request);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  let revoked: ArmadaError | undefined;
  const revoke = (error: ArmadaError): void => {
    revoked ??= error;
    end();
  };
  const stream: OpenStream = { signal: ending.signal, observed, right: undefined, revoke };
  gone.addEventListener('abort', end);
  door.stopping.addEventListener('abort', end);
  let failure: unknown;
  try {
    if (gone.aborted) return;
    if (door.stopping.aborted) throw stoppingError();
    await serve(stream);
    if (door.stopping.aborted) throw stoppingError();
    if (revoked) throw revoked;
  } catch (error) {
    failure = door.stopping.aborted ? stoppingError() : (revoked ?? error);
    throw failure;
  } finally {
    stream.right?.release();
    gone.removeEventListener('abort', end);
    door.stopping.removeEventListener('abort', end);
    observed.over(gone.aborted ? new ClientGoneError() : failure);
  }
}

function stoppingError(): ArmadaError {
  const message = 'the server is stopping; connect again and go on from the last message received';
  return new ArmadaError('UNAVAILABLE', message, { retryAfterMs: 500 });
}
