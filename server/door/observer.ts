/**
 * Who counts, logs and traces calls is told of each by the door, whatever
 * protocol brought it. All of this is on the way of every call, so it must cost
 * next to nothing: an object for a call, and two numbers to count up.
 */
import { status } from '@grpc/grpc-js';
import type { Principal } from '../auth/principal.ts';
import type { Incoming } from './call.ts';
import { codeOf } from './errors.ts';
import type { Method } from './method.ts';

/** A call under way, as its observer wants to hear of it. */
export interface ObservedCall {
  /** The door counts up, here, the messages that the client sent and was sent. */
  readonly messages: { received: number; sent: number };
  /** W3C traceparent for what follows from the call; undefined when it is not traced. */
  readonly traceparent: string | undefined;
  /** It is known who calls, and not yet whether they may. */
  named(principal: Principal): void;
  /** They may: told before the call is served. What it throws is what the caller is told instead. */
  entered(principal: Principal): void;
  /** Told once, at the end. `error` is what ended the call, undefined when it was served. */
  over(error: unknown): void;
}

/**
 * Why a request became no call: a host name that is not ours, a page of another
 * site, a path or verb that nothing is at, or a body that cannot be read.
 */
export type RefusalAtPort = 'host' | 'origin' | 'path' | 'verb' | 'body';

export interface CallObserver {
  /**
   * A call has come to a method that is served.
   * @param request what it asks for; undefined where the client streams
   */
  began(incoming: Incoming, kind: Method['kind'], request?: unknown): ObservedCall;
  /** A request was turned away before it was a call. */
  refused(why: RefusalAtPort): void;
}

/** The client has gone before its call was served. */
export class ClientGoneError extends Error {}

/** How a call ended, by what ended it. */
export function endOf(error: unknown): status {
  if (error === undefined) return status.OK;
  return error instanceof ClientGoneError ? status.CANCELLED : codeOf(error);
}

/** For tests, and for doors that nobody observes. */
export const noObserver: CallObserver = {
  began: () => ({
    messages: { received: 0, sent: 0 },
    traceparent: undefined,
    named: () => {},
    entered: () => {},
    over: () => {},
  }),
  refused: () => {},
};
