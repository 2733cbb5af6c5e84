/**
 * Who counts, logs and traces calls is told of each by the door, whatever
 * protocol brought it. All of this is on the way of every call, so it must cost
 * next to nothing: an object for a call, and two numbers to count up.
 */
import type { Principal } from '../auth/principal.ts';
import type { Incoming } from './call.ts';
import type { Method } from './method.ts';

/** A call under way, as its observer wants to hear of it. */
export interface ObservedCall {
  /** The door counts up, here, the messages that the client sent and was sent. */
  readonly messages: { received: number; sent: number };
  /** W3C traceparent for what follows from the call; undefined when it is not traced. */
  readonly traceparent: string | undefined;
  /** It is known who calls, and that they may. */
  entered(principal: Principal): void;
  /** Told once, at the end. `error` is what ended the call, undefined when it was served. */
  over(error: unknown): void;
}

export interface CallObserver {
  /** A call has come to a method that is served. */
  began(incoming: Incoming, kind: Method['kind']): ObservedCall;
}

/** The client has gone before its call was served. */
export class ClientGoneError extends Error {}

/** For tests, and for doors that nobody observes. */
export const noObserver: CallObserver = {
  began: () => ({
    messages: { received: 0, sent: 0 },
    traceparent: undefined,
    entered: () => {},
    over: () => {},
  }),
};
