/**
 * What went wrong, as a constant that programs may compare. Each code has one
 * gRPC status (server/door/errors.ts) and one line in docs/errors.md; a test
 * keeps the three in step.
 */
export type ErrorCode =
  | 'INVALID_REQUEST'
  | 'UNAUTHENTICATED'
  | 'CREDENTIALS_ENDED'
  | 'PERMISSION_DENIED'
  | 'QUEUE_NOT_FOUND'
  | 'QUEUE_EXISTS'
  | 'QUEUE_NOT_EMPTY'
  | 'JOB_NOT_FOUND'
  | 'JOB_SET_NOT_FOUND'
  | 'CLIENT_ID_CONFLICT'
  | 'CONFLICT'
  | 'WATCH_BEHIND'
  | 'EVENTS_GONE'
  | 'LOG_NOT_FOUND'
  | 'EXECUTOR_TAKEN'
  | 'SERVER_NOT_FOUND'
  | 'SERVICE_NOT_FOUND'
  | 'SERVER_ALIVE'
  | 'EXECUTOR_NOT_FOUND'
  | 'EXECUTOR_IN_USE'
  | 'NODE_NOT_FOUND'
  | 'KEY_NOT_FOUND'
  | 'KEY_LIMIT'
  | 'KEY_IN_USE'
  | 'KEY_NOT_EVERYWHERE'
  | 'OVERLOADED'
  | 'UNAVAILABLE';

/** One thing that is wrong with a request. */
export interface Fault {
  /** Path of the field from the request's root, such as `job_request_items[3].namespace`. */
  field: string;
  /** Expectation and what was found, without a full stop. */
  message: string;
}

/** Most faults of one request that are told; the rest are counted. */
export const MAX_FAULTS = 20;

/**
 * A refusal that the caller can understand and act on. Anything else that is
 * thrown is a fault of ours and reaches the caller as Internal without detail.
 */
export class ArmadaError extends Error {
  readonly code: ErrorCode;
  /** At most MAX_FAULTS are sent; empty unless the request itself is wrong. */
  readonly faults: readonly Fault[];
  /** When trying again makes sense, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    more: { faults?: readonly Fault[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'ArmadaError';
    this.code = code;
    this.faults = more.faults ?? [];
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** The refusal of a request because of one field. */
export function invalidField(field: string, message: string): ArmadaError {
  return new ArmadaError('INVALID_REQUEST', `${field} ${message}`, { faults: [{ field, message }] });
}

/** What a client sent is not what its method takes: bytes that cannot be decoded. */
export class UndecodableError extends Error {}
