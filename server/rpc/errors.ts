/**
 * From a refusal to what travels: the one table of gRPC codes, and the typed
 * details that programs read out of the grpc-status-details-bin trailer.
 */
import { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { BadRequest, ErrorInfo, RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';
import { Metadata, status } from '@grpc/grpc-js';
import { ArmadaError, type ErrorCode, type Fault } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

/** The gRPC code of each error code. */
export const GRPC_CODES: Readonly<Record<ErrorCode, status>> = {
  INVALID_REQUEST: status.INVALID_ARGUMENT,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
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
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  UNAVAILABLE: status.UNAVAILABLE,
};

/** What grpc-js ends a call with. */
export interface WireError {
  code: status;
  details: string;
  metadata: Metadata;
}

/** Details travel in a trailer, and many clients take no more than 8 KiB of those. */
const MAX_DETAILS_BYTES = 4096;

/** Longest text of an error; it travels in a trailer as well. */
const MAX_MESSAGE_LENGTH = 2000;

const TYPE_URL = 'type.googleapis.com/';

/**
 * Turns whatever was thrown into what the caller may see. What is not an
 * ArmadaError is a fault of ours: it is logged with the request id, and the
 * caller learns nothing but that id.
 */
export function toWireError(error: unknown, requestId: string, logger: Logger): WireError {
  const metadata = new Metadata();
  metadata.set('x-request-id', requestId);
  if (!(error instanceof ArmadaError)) {
    logger.error({ err: error, requestId }, 'a call failed by a fault of the server');
    const details = `internal error; quote request id ${requestId} when reporting it`;
    return { code: status.INTERNAL, details, metadata };
  }
  if (error.cause !== undefined)
    logger.warn({ err: error.cause, requestId, code: error.code }, error.message);
  const code = GRPC_CODES[error.code];
  const text = error.message;
  const message = text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}… (cut)` : text;
  const rich = Status.encode({ code, message: '', details: detailsOf(error) }).finish();
  metadata.set('grpc-status-details-bin', Buffer.from(rich));
  return { code, details: message, metadata };
}

/** The details that fit, the ones most programs read first. */
function detailsOf(error: ArmadaError): Status['details'] {
  const details: Status['details'] = [];
  let bytes = 0;
  const add = (typeUrl: string, value: Uint8Array): boolean => {
    if (bytes + value.byteLength + typeUrl.length + 8 > MAX_DETAILS_BYTES) return false;
    bytes += value.byteLength + typeUrl.length + 8;
    details.push({ typeUrl: TYPE_URL + typeUrl, value: Buffer.from(value) });
    return true;
  };
  const info = { reason: error.code, domain: 'armada', metadata: new Map<string, string>() };
  add('google.rpc.ErrorInfo', ErrorInfo.encode(info).finish());
  if (error.retryAfterMs !== undefined) {
    const seconds = Math.floor(error.retryAfterMs / 1000);
    const nanos = Math.round((error.retryAfterMs - seconds * 1000) * 1e6);
    const retry = { retryDelay: { seconds: BigInt(seconds), nanos } };
    add('google.rpc.RetryInfo', RetryInfo.encode(retry).finish());
  }
  addFaults(error.faults.slice(0, MAX_FAULTS), add);
  return details;
}

/** Faults of one request that are reported. */
const MAX_FAULTS = 20;

/** Faults for programs, and once more by item in the form that Armada's Go client prints. */
function addFaults(faults: readonly Fault[], add: (typeUrl: string, value: Uint8Array) => boolean): void {
  for (let count = faults.length; count > 0; count = Math.floor(count / 2)) {
    const fieldViolations = faults
      .slice(0, count)
      .map(({ field, message }) => ({ field, description: message }));
    const jobs = itemErrors(faults.slice(0, count));
    const badRequest = BadRequest.encode({ fieldViolations }).finish();
    const roomForBoth = badRequest.byteLength + jobs.byteLength < MAX_DETAILS_BYTES - 300;
    if (!roomForBoth) continue;
    add('google.rpc.BadRequest', badRequest);
    if (jobs.byteLength > 0) add('api.JobSubmitResponse', jobs);
    return;
  }
}

function itemErrors(faults: readonly Fault[]): Uint8Array {
  const jobResponseItems = faults.flatMap(({ field, message }) => {
    const item = /^job_request_items\[(\d+)\]\.?(.*)$/.exec(field);
    if (!item) return [];
    return [{ jobId: '', error: `item ${item[1]}: ${item[2] ? `${item[2]} ` : ''}${message}` }];
  });
  return JobSubmitResponse.encode({ jobResponseItems }).finish();
}
