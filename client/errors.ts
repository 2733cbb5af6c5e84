import { status, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { BadRequest, ErrorInfo, RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';

/** The name of a gRPC status code, such as `NOT_FOUND`. */
export type GrpcCode = keyof typeof status;

/** One thing that is wrong with a request, as the server named it. */
export interface RequestFault {
  /** Path of the field from the request's root, such as `job_request_items[3].namespace`. */
  field: string;
  message: string;
}

/** Why one item of a submission was refused. */
export interface JobError {
  /** Place of the item among those handed to `submitJobs`, from 0. */
  index: number;
  message: string;
}

export interface ArmadaClientErrorDetails {
  reason?: string | undefined;
  faults?: readonly RequestFault[];
  jobErrors?: readonly JobError[];
  retryAfterMs?: number | undefined;
  unreachable?: boolean;
  lastMessageId?: string | undefined;
  cause?: unknown;
}

/**
 * Every failure of a call. Compare `code`; `message` is for people and may
 * change.
 */
export class ArmadaClientError extends Error {
  readonly code: GrpcCode;
  /** The server's own, finer code, such as `QUEUE_NOT_FOUND`; Armada's servers give none. docs/errors.md lists them. */
  readonly reason: string | undefined;
  /** What is wrong with the request, field by field; empty when the server gave no such list. */
  readonly faults: readonly RequestFault[];
  /** Items of a submission that were refused; empty for every other call. */
  readonly jobErrors: readonly JobError[];
  /** When the server says that trying again makes sense, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /** True when no connection could be made, so the server has not seen the call. */
  readonly unreachable: boolean;
  /** Of the last event before a watch broke that cannot go on by itself; undefined for everything else. */
  readonly lastMessageId: string | undefined;

  constructor(code: GrpcCode, message: string, details: ArmadaClientErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ArmadaClientError';
    this.code = code;
    this.reason = details.reason;
    this.faults = details.faults ?? [];
    this.jobErrors = details.jobErrors ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.unreachable = details.unreachable ?? false;
    this.lastMessageId = details.lastMessageId;
  }

  /**
   * Whether the same call may succeed a little later: the server is stopping or
   * busy, others got in the way. Every other code lasts, so that repeating the
   * call as it is cannot help. RESOURCE_EXHAUSTED passes only when the server
   * says after which time; else the request itself is too large.
   */
  get passes(): boolean {
    if (this.code === 'RESOURCE_EXHAUSTED') return this.retryAfterMs !== undefined;
    return this.code === 'UNAVAILABLE' || this.code === 'ABORTED';
  }
}

/** What an aborted signal ends with. */
export function cancelledByCaller(cause?: unknown): ArmadaClientError {
  return new ArmadaClientError('CANCELLED', 'cancelled by the caller', { cause });
}

/** The metadata key under which gRPC carries a google.rpc.Status with typed details. */
const DETAILS_KEY = 'grpc-status-details-bin';

/** Turns what grpc-js rejects with into an error of ours; passes our own through. */
export function toClientError(error: unknown): ArmadaClientError {
  if (error instanceof ArmadaClientError) return error;
  if (!isServiceError(error)) {
    return new ArmadaClientError('UNKNOWN', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
  return new ArmadaClientError(codeName(error.code), error.details || error.message, {
    ...readDetails(error.metadata),
    cause: error,
  });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function codeName(code: number): GrpcCode {
  for (const [name, value] of Object.entries(status)) {
    if (value === code && isGrpcCode(name)) return name;
  }
  return 'UNKNOWN';
}

function isGrpcCode(name: string): name is GrpcCode {
  return Number.isNaN(Number(name)) && name in status;
}

/** Details are a courtesy: bytes that do not decode never hide the error they came with. */
function readDetails(metadata: Metadata | undefined): ArmadaClientErrorDetails {
  const details: ArmadaClientErrorDetails = {};
  const bytes = metadata?.get(DETAILS_KEY)[0];
  if (!(bytes instanceof Uint8Array)) return details;
  try {
    for (const detail of Status.decode(bytes).details) {
      switch (detail.typeUrl.slice(detail.typeUrl.lastIndexOf('/') + 1)) {
        case 'google.rpc.ErrorInfo':
          details.reason = ErrorInfo.decode(detail.value).reason;
          break;
        case 'google.rpc.BadRequest':
          details.faults = BadRequest.decode(detail.value).fieldViolations.map((violation) => ({
            field: violation.field,
            message: violation.description,
          }));
          break;
        case 'google.rpc.RetryInfo':
          details.retryAfterMs = durationMs(RetryInfo.decode(detail.value).retryDelay);
          break;
        case 'api.JobSubmitResponse':
          details.jobErrors = jobErrors(JobSubmitResponse.decode(detail.value));
          break;
        default:
      }
    }
  } catch {
    return details;
  }
  return details;
}

function durationMs(duration: { seconds: bigint; nanos: number } | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1e6);
}

/**
 * The refused items of a submit answer. Our servers list the refused ones only
 * and number them in the text, where there is no other place for it; Armada's
 * list an answer for every item.
 */
function jobErrors(response: JobSubmitResponse): JobError[] {
  return response.jobResponseItems.flatMap(({ error }, place) => {
    if (error === '') return [];
    const numbered = /^item (\d+): (.*)$/s.exec(error);
    return [{ index: Number(numbered?.[1] ?? place), message: numbered?.[2] ?? error }];
  });
}
