/** Puts admission before the library reads a request: what is refused is neither read nor decoded. */
import { ServerInterceptingCall, type ServerInterceptor, type ServiceDefinition } from '@grpc/grpc-js';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Admission, type Admitted, overloaded, type Refused, rankOf } from '../door/admission.ts';
import { toCallStatus } from '../door/errors.ts';
import type { Knock, TurnedAway } from './knocking.ts';
import { toWireError, type WireError } from './wire-error.ts';

/** Sizes of the requests that were decoded, for whoever holds them. */
const sizes = new WeakMap<object, number>();

/**
 * The same methods; the size of each request they take can be asked for afterwards.
 * @param failed is told of each that cannot be decoded
 */
export function measured(definition: ServiceDefinition, failed: () => void): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const requestDeserialize = (bytes: Buffer): unknown => {
        const request = decoded(method.requestDeserialize, bytes, failed);
        if (typeof request === 'object' && request !== null) sizes.set(request, bytes.length);
        return request;
      };
      return [name, { ...method, requestDeserialize }];
    }),
  );
}

function decoded(decode: (bytes: Buffer) => unknown, bytes: Buffer, failed: () => void): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    failed();
    throw error;
  }
}

/** A request that has begun must be there whole by then: it is held in memory meanwhile. */
const REQUEST_TIMEOUT_MS = 30_000;

/** When to send one again that was not. */
const INCOMPLETE_RETRY_MS = 2_000;

/** From then on its client is the slow one; and already after part of that it has to be somebody who may take their time. */
const STALL_MS = 2_000;
const LATE_RATIO = 1 / 4;

export interface InterceptorSettings {
  logger: Logger;
  /** How long a request may take to arrive; 30 s when left out. */
  requestTimeoutMs?: number | undefined;
  /** Finds out who calls before messages are read, where that is better; see knocking.ts. */
  knock?: Knock | undefined;
}

/**
 * Lets calls in or refuses them. A call with one answer counts as under way
 * until it is answered, even when its client has gone, for the work goes on; and
 * no longer, even when its client does not take the answer: it would keep the
 * room of others, and look like work that took long. Answers to reads are
 * another matter, as they can be large and are held in memory until they go.
 */
export function admissionInterceptor(admission: Admission, settings: InterceptorSettings): ServerInterceptor {
  const { logger, requestTimeoutMs = REQUEST_TIMEOUT_MS, knock } = settings;
  const stallMs = Math.min(STALL_MS, requestTimeoutMs / 2);
  return ({ path, requestStream, responseStream }, call) => {
    const isStream = requestStream || responseStream;
    const rank = rankOf(path);
    let admitted: Admitted | undefined;
    let stop = (): void => {};
    let knocking: Promise<TurnedAway | undefined> | undefined;
    let isAtWork = false;
    let hasEnded = false;
    const settle = (): void => {
      if (hasEnded && !isAtWork) admitted?.over();
    };
    const answered = (): void => {
      isAtWork = false;
      if (!isStream && rank !== 'read') admitted?.over();
      else settle();
    };
    let isTurnedAway = false;
    const turnAway = ({ headers, status }: TurnedAway): void => {
      if (isTurnedAway) return;
      isTurnedAway = true;
      stop();
      if (headers) call.sendMetadata(headers);
      call.sendStatus(status);
      admitted?.over();
    };
    const unlessTurnedAway = (act: () => void): void => {
      if (knocking === undefined) act();
      else void knocking.then((away) => (away === undefined ? act() : turnAway(away)));
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            const answer = admission.enter({ rank, isStream, connection: call.getPeer() });
            if ('retryAfterMs' in answer) return call.sendStatus(refusalOf(answer, logger));
            admitted = answer;
            knocking = knock?.(path, metadata, call, false);
            const late = (): void => {
              knocking = againUnlessTurnedAway(knocking, () => knock?.(path, metadata, call, true));
              unlessTurnedAway(() => {});
            };
            if (!requestStream) {
              stop = inTurn([
                [stallMs * LATE_RATIO, late],
                [stallMs, () => answer.stalled()],
                [requestTimeoutMs, () => call.sendStatus(incomplete(requestTimeoutMs, logger))],
              ]);
            }
            unlessTurnedAway(() => forward(metadata));
          },
          onReceiveMessage: (message: unknown, forward) => {
            const bytes = typeof message === 'object' && message !== null ? sizes.get(message) : undefined;
            admitted?.arrived(bytes ?? 0);
            unlessTurnedAway(() => forward(message));
          },
          onReceiveHalfClose: (forward) => {
            stop();
            isAtWork = !isStream;
            forward();
          },
          onCancel: () => {
            stop();
            hasEnded = true;
            settle();
          },
        }),
      sendMessage: (message: unknown, forward) => {
        forward(message);
        answered();
      },
      sendStatus: (status, forward) => {
        forward(status);
        answered();
      },
    });
  };
}

async function againUnlessTurnedAway(
  before: Promise<TurnedAway | undefined> | undefined,
  again: () => ReturnType<Knock>,
): Promise<TurnedAway | undefined> {
  return (await before) ?? (await again());
}

/** Acts after so many milliseconds each, in ascending order; gives what ends it. */
function inTurn(acts: readonly (readonly [afterMs: number, act: () => void])[]): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (at: number, sinceMs: number): void => {
    const [afterMs, act] = acts[at] ?? [];
    if (afterMs === undefined) return;
    timer = setTimeout(() => {
      wait(at + 1, afterMs);
      act?.();
    }, afterMs - sinceMs);
  };
  wait(0, 0);
  return () => clearTimeout(timer);
}

function incomplete(timeoutMs: number, logger: Logger): WireError {
  const message = `the request was not there whole after ${timeoutMs / 1000} s; send it again, or a smaller one`;
  const error = new ArmadaError('UNAVAILABLE', message, { retryAfterMs: INCOMPLETE_RETRY_MS });
  return toWireError(toCallStatus(error, '', logger));
}

/** Made once for each hint: a refusal must cost next to nothing. */
const refusals = new Map<number, WireError>();

function refusalOf(refused: Refused, logger: Logger): WireError {
  let refusal = refusals.get(refused.retryAfterMs);
  if (!refusal) {
    // Ids of requests are for faults of ours, which are looked up in the log.
    refusal = toWireError(toCallStatus(overloaded(refused), '', logger));
    refusals.set(refused.retryAfterMs, refusal);
  }
  return refusal;
}
