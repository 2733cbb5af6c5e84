/** How long a caller waits, as the header Grpc-Timeout says it: `10S`, `500m`. */
import { status } from '@grpc/grpc-js';
import { invalidField } from '../../base/errors.ts';
import type { RestCall } from './exchange.ts';
import { HttpRefusal } from './status.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The longest that a timer can wait; nobody waits longer than 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Undefined for a caller who waits as long as it takes. Throws INVALID_REQUEST. */
export function timeoutMsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) {
    throw invalidField('Grpc-Timeout', 'must be digits and one of H, M, S, m, u, n, such as 10S');
  }
  return Math.min(Number(digits) * unitMs, MAX_TIMER_MS);
}

/** The result of the work, or a refusal when it takes longer; the call is given up then. */
export function within<Result>(
  timeoutMs: number | undefined,
  call: RestCall,
  work: () => Promise<Result>,
): Promise<Result> {
  return timeoutMs === undefined ? work() : inTime(timeoutMs, call, work);
}

async function inTime<Result>(
  timeoutMs: number,
  call: RestCall,
  work: () => Promise<Result>,
): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(deadlineExceeded(timeoutMs));
    call.giveUp();
  }, timeoutMs);
  try {
    return await Promise.race([late.promise, work()]);
  } finally {
    clearTimeout(timer);
  }
}

function deadlineExceeded(timeoutMs: number): HttpRefusal {
  const message = `there was no answer within the ${timeoutMs} ms of Grpc-Timeout; whether the request took effect is unknown`;
  return new HttpRefusal(504, status.DEADLINE_EXCEEDED, message);
}
