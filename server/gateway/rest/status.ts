/** The HTTP status of each gRPC code, and refusals that have one of their own. */
import { status } from '@grpc/grpc-js';

export const HTTP_STATUS: Readonly<Record<status, number>> = {
  [status.OK]: 200,
  [status.CANCELLED]: 408,
  [status.UNKNOWN]: 500,
  [status.INVALID_ARGUMENT]: 400,
  [status.DEADLINE_EXCEEDED]: 504,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.PERMISSION_DENIED]: 403,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.FAILED_PRECONDITION]: 400,
  [status.ABORTED]: 409,
  [status.OUT_OF_RANGE]: 400,
  [status.UNIMPLEMENTED]: 501,
  [status.INTERNAL]: 500,
  [status.UNAVAILABLE]: 503,
  [status.DATA_LOSS]: 500,
  [status.UNAUTHENTICATED]: 401,
};

/** A refusal of the protocol itself, before or after any service saw the request. */
export class HttpRefusal extends Error {
  readonly httpStatus: number;
  readonly code: status;

  constructor(httpStatus: number, code: status, message: string) {
    super(message);
    this.name = 'HttpRefusal';
    this.httpStatus = httpStatus;
    this.code = code;
  }
}
