/**
 * From a refusal to what the caller is told: the one table of gRPC codes, and
 * the typed details that programs read.
 */
import { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { BadRequest, ErrorInfo, RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';
import { status } from '@grpc/grpc-js';
import { ArmadaError, type ErrorCode, type Fault, MAX_FAULTS, UndecodableError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { timestampOf } from '../model/instant.ts';

/** The gRPC code of each error code. */
export const GRPC_CODES: Readonly<Record<ErrorCode, status>> = {
  INVALID_REQUEST: status.INVALID_ARGUMENT,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  CREDENTIALS_ENDED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  QUEUE_NOT_FOUND: status.NOT_FOUND,
  QUEUE_EXISTS: status.ALREADY_EXISTS,
  QUEUE_NOT_EMPTY: status.FAILED_PRECONDITION,
  JOB_NOT_FOUND: status.NOT_FOUND,
  JOB_SET_NOT_FOUND: status.NOT_FOUND,
  CLIENT_ID_CONFLICT: status.ALREADY_EXISTS,
  CONFLICT: status.ABORTED,
  WATCH_BEHIND: status.UNAVAILABLE,
  EVENTS_GONE: status.OUT_OF_RANGE,
  LOG_NOT_FOUND: status.NOT_FOUND,
  EXECUTOR_TAKEN: status.ALREADY_EXISTS,
  EXECUTOR_NOT_FOUND: status.NOT_FOUND,
  EXECUTOR_IN_USE: status.FAILED_PRECONDITION,
  NODE_NOT_FOUND: status.NOT_FOUND,
  KEY_NOT_FOUND: status.NOT_FOUND,
  KEY_LIMIT: status.FAILED_PRECONDITION,
  KEY_IN_USE: status.FAILED_PRECONDITION,
  KEY_NOT_EVERYWHERE: status.FAILED_PRECONDITION,
  SERVER_NOT_FOUND: status.NOT_FOUND,
  SERVICE_NOT_FOUND: status.NOT_FOUND,
  SERVER_ALIVE: status.FAILED_PRECONDITION,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  UNAVAILABLE: status.UNAVAILABLE,
};

/** The gRPC code of whatever was thrown: what is not an ArmadaError is a fault of ours. */
export function codeOf(error: unknown): status {
  return error instanceof ArmadaError ? GRPC_CODES[error.code] : status.INTERNAL;
}

/** What a caller is told of a call that failed, on any door. */
export interface CallStatus {
  code: status;
  message: string;
  /** For programs; empty for faults of ours. */
  details: Status['details'];
  requestId: string;
}

/**
 * Most bytes of the encoded status: it travels in a trailer, as base64 and beside
 * the message, and many clients take no more than 8 KiB of those.
 */
const MAX_STATUS_BYTES = 4096;

/** Longest message as a trailer spells it: what is not ASCII takes three characters a byte there. */
const MAX_MESSAGE_BYTES = 2000;

/** Longest text of one fault, in the same measure. */
const MAX_FAULT_BYTES = 500;

const TYPE_URL = 'type.googleapis.com/';

/**
 * Turns whatever was thrown into what the caller may see. What is not an
 * ArmadaError is a fault of ours: it is logged with the request id, and the
 * caller learns nothing but that id.
 */
export function toCallStatus(error: unknown, requestId: string, logger: Logger): CallStatus {
  if (error instanceof UndecodableError) {
    // As the library says it of requests that it decodes itself.
    const message = `Error deserializing request: ${error.message}`;
    return { code: status.INTERNAL, message, details: [], requestId };
  }
  if (!(error instanceof ArmadaError)) {
    logger.error({ err: error, requestId }, 'a call failed by a fault of the server');
    const message = `internal error; quote request id ${requestId} when reporting it`;
    return { code: status.INTERNAL, message, details: [], requestId };
  }
  if (error.cause !== undefined)
    logger.warn({ err: error.cause, requestId, code: error.code }, error.message);
  const code = GRPC_CODES[error.code];
  const message = cut(error.message, MAX_MESSAGE_BYTES);
  const bare = Status.encode({ code, message, details: [] }).finish().byteLength;
  return { code, message, details: detailsOf(error, MAX_STATUS_BYTES - bare), requestId };
}

/**
 * The text, shortened to so many bytes as a trailer spells it. It is well-formed
 * then: grpc-js would fail to encode half a character.
 */
function cut(text: string, maxBytes: number): string {
  const whole = text.toWellFormed();
  let bytes = 0;
  let end = 0;
  for (const character of whole) {
    bytes += encodeURI(character).length;
    if (bytes > maxBytes) return `${whole.slice(0, end)}… (cut)`;
    end += character.length;
  }
  return whole;
}

type Details = Status['details'];

function detail(name: string, value: Uint8Array): Details[number] {
  return { typeUrl: TYPE_URL + name, value: Buffer.from(value) };
}

/** Bytes that the details take in a status. */
function sizeOf(details: Details): number {
  return Status.encode({ code: 0, message: '', details }).finish().byteLength;
}

/** The details that fit, the ones most programs read first. */
function detailsOf(error: ArmadaError, maxBytes: number): Details {
  const info = { reason: error.code, domain: 'armada', metadata: new Map<string, string>() };
  const details = [detail('google.rpc.ErrorInfo', ErrorInfo.encode(info).finish())];
  if (error.retryAfterMs !== undefined) {
    const { seconds, nanos } = timestampOf(error.retryAfterMs);
    const retry = RetryInfo.encode({ retryDelay: { seconds, nanos } }).finish();
    details.push(detail('google.rpc.RetryInfo', retry));
  }
  return [...details, ...faultDetails(error.faults, maxBytes - sizeOf(details))];
}

/** Faults as callers are told of them: not too many, and none too long. */
export function toldFaults(faults: readonly Fault[]): Fault[] {
  return faults.slice(0, MAX_FAULTS).map(({ field, message }) => ({
    field: cut(field, MAX_FAULT_BYTES),
    message: cut(message, MAX_FAULT_BYTES),
  }));
}

/** Faults for programs, and once more by item in the form that Armada's Go client prints; as many as fit. */
function faultDetails(faults: readonly Fault[], maxBytes: number): Details {
  const texts = toldFaults(faults);
  for (let count = texts.length; count > 0; count--) {
    const told = texts.slice(0, count);
    const fieldViolations = told.map(({ field, message }) => ({ field, description: message }));
    const details = [detail('google.rpc.BadRequest', BadRequest.encode({ fieldViolations }).finish())];
    const jobs = itemErrors(told);
    if (jobs.byteLength > 0) details.push(detail('api.JobSubmitResponse', jobs));
    if (sizeOf(details) <= maxBytes) return details;
  }
  return [];
}

function itemErrors(faults: readonly Fault[]): Uint8Array {
  const jobResponseItems = faults.flatMap(({ field, message }) => {
    const item = /^job_request_items\[(\d+)\]\.?(.*)$/.exec(field);
    if (!item) return [];
    return [{ jobId: '', error: `item ${item[1]}: ${item[2] ? `${item[2]} ` : ''}${message}` }];
  });
  return JobSubmitResponse.encode({ jobResponseItems }).finish();
}
