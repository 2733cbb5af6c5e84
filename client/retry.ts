import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions, Connection, Method } from './connect.ts';
import { type ArmadaClientError, cancelledByCaller, toClientError } from './errors.ts';

/** How waits between tries grow. */
export interface Backoff {
  firstDelayMs: number;
  maxDelayMs: number;
}

export interface RetryOptions {
  /** How long tries may follow each other after the first failure, which may itself have taken long; 0 for one try. */
  retryForMs: number;
  /** Whether a failure passes; by default what `ArmadaClientError.passes` says. */
  passes?: (error: ArmadaClientError) => boolean;
  signal: AbortSignal;
}

const DEFAULT_RETRY_FOR_MS = 10_000;
const BACKOFF: Backoff = { firstDelayMs: 100, maxDelayMs: 5_000 };

/**
 * A call that may be carried out twice, repeated after failures that pass, and
 * no sooner than the server asks for. A server that cannot be reached at all is
 * an error at once: the connection has waited for it already.
 */
export function callRepeatedly<Request, Response>(
  connection: Connection,
  method: Method<Request, Response>,
  request: Request,
  options: CallOptions = {},
): Promise<Response> {
  return retrying(() => connection.call(method, request, options), {
    retryForMs: options.retryForMs ?? connection.retryForMs ?? DEFAULT_RETRY_FOR_MS,
    signal: untilClosed(connection, options.signal),
  });
}

/** Does something again after failures that pass. Throws the last failure, or CANCELLED. */
export async function retrying<Result>(act: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { retryForMs, signal, passes = passesLater } = options;
  let failingSinceMs: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (thrown) {
      const error = toClientError(thrown);
      if (signal.aborted || !passes(error)) throw error;
      const delayMs = delayBefore(attempt, error.retryAfterMs, BACKOFF);
      failingSinceMs ??= performance.now();
      if (performance.now() - failingSinceMs + delayMs > retryForMs) throw error;
      await pause(delayMs, signal);
    }
  }
}

function passesLater(error: ArmadaClientError): boolean {
  return error.passes && !error.unreachable;
}

/**
 * Milliseconds to wait before the next try: doubling, with a fifth of jitter so
 * that callers of a restarted server do not return as one, and never less than
 * the server asks for. `attempt` counts the failures in a row, from 1.
 */
export function delayBefore(attempt: number, retryAfterMs: number | undefined, backoff: Backoff): number {
  const grownMs = backoff.firstDelayMs * 2 ** Math.min(attempt - 1, 16);
  const ownMs = Math.min(grownMs, backoff.maxDelayMs) * (0.8 + Math.random() * 0.4);
  const askedMs = (retryAfterMs ?? 0) * (1 + Math.random() * 0.2);
  return Math.round(Math.max(ownMs, askedMs));
}

/** Throws CANCELLED, leaving no timer behind, when the signal aborts first. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal ? { signal } : {});
  } catch (cause) {
    throw cancelledByCaller(cause);
  }
}

/** Aborted by the caller or by closing the connection. */
export function untilClosed(connection: Connection, signal: AbortSignal | undefined): AbortSignal {
  return signal ? AbortSignal.any([signal, connection.closed]) : connection.closed;
}
