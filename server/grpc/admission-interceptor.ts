/** Puts admission before the library reads a request: what is refused is neither read nor decoded. */
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Admission, type Admitted, overloaded, type Refused, rankOf } from '../door/admission.ts';
import { toCallStatus } from '../door/errors.ts';
import type { Knocking } from './knocking.ts';
import { isPacked } from './unpacking.ts';
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

/** From then on its client is the slow one. */
const STALL_MS = 2_000;

/** After this part of that it has to be somebody's who may call. */
const LATE_RATIO = 1 / 4;

export interface InterceptorSettings {
  logger: Logger;
  /** How long a request may take to arrive; 30 s when left out. */
  requestTimeoutMs?: number | undefined;
  knocking: Knocking;
}

/**
 * Lets calls in or refuses them. A call with one answer counts as under way
 * until it is answered, even when its client has gone, for the work goes on; and
 * no longer, even when its client does not take the answer: it would keep the
 * room of others, and look like work that took long. Answers to reads are
 * another matter, as they can be large and are held in memory until they go.
 */
export function admissionInterceptor(admission: Admission, settings: InterceptorSettings): ServerInterceptor {
  const { logger, requestTimeoutMs = REQUEST_TIMEOUT_MS, knocking } = settings;
  const stallMs = Math.min(STALL_MS, requestTimeoutMs / 2);
  return ({ path, requestStream, responseStream }, call) => {
    const isStream = requestStream || responseStream;
    const rank = rankOf(path);
    let admitted: Admitted | undefined;
    let arrived = (): void => {};
    /** Whether the caller may call, once that was asked. */
    let mayGoOn: Promise<boolean> | undefined;
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
    const knock = async (metadata: Metadata): Promise<boolean> => {
      const isLetIn = (await knocking.knock(path, metadata, call)) ?? true;
      if (!isLetIn) {
        arrived();
        admitted?.over();
      }
      return isLetIn;
    };
    const goOn = (act: () => void): void => {
      if (mayGoOn === undefined) act();
      else void mayGoOn.then((may) => may && act());
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            const answer = admission.enter({ rank, isStream, connection: call.getPeer() });
            if ('retryAfterMs' in answer) return call.sendStatus(refusalOf(answer, logger));
            admitted = answer;
            const timeoutMs = knocking.bound(path, call, requestTimeoutMs);
            if (isPacked(call)) mayGoOn = knock(metadata);
            if (!requestStream) {
              arrived = inTurn([
                [stallMs * LATE_RATIO, () => (mayGoOn ??= knock(metadata))],
                [stallMs, () => answer.stalled()],
                [timeoutMs, () => call.sendStatus(incomplete(timeoutMs, logger))],
              ]);
            }
            goOn(() => forward(metadata));
          },
          onReceiveMessage: (message: unknown, forward) => {
            const bytes = typeof message === 'object' && message !== null ? sizes.get(message) : undefined;
            admitted?.arrived(bytes ?? 0);
            goOn(() => forward(message));
          },
          onReceiveHalfClose: (forward) => {
            arrived();
            isAtWork = !isStream;
            forward();
          },
          onCancel: () => {
            arrived();
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

/**
 * Acts after so many milliseconds each, in ascending order; gives what ends it.
 * What has come by then is read first: the server may have been late itself.
 */
function inTurn(acts: readonly (readonly [afterMs: number, act: () => unknown])[]): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const wait = (at: number, sinceMs: number): void => {
    const [afterMs, act] = acts[at] ?? [];
    if (afterMs === undefined) return;
    const goOn = (): void => {
      if (isOver) return;
      wait(at + 1, afterMs);
      act?.();
    };
    timer = setTimeout(() => setImmediate(goOn), afterMs - sinceMs);
  };
  wait(0, 0);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
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
