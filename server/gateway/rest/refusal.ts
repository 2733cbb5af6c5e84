/** How requests are refused: in Armada's JSON, as the end of a stream, or in plain text where no route took them. */
import { STATUS_CODES } from 'node:http';
import type { status } from '@grpc/grpc-js';
import type { JsonValue } from '@armada-ts/api/json';
import { ArmadaError, type ErrorCode, type Fault } from '../../base/errors.ts';
import { overloaded, type Refused } from '../../door/admission.ts';
import { answerHeaders, type Door, type Incoming, refusalOf } from '../../door/call.ts';
import { type CallStatus, toldFaults } from '../../door/errors.ts';
import { JSON_HEADERS } from './answer.ts';
import { type Exchange, isGone } from './exchange.ts';
import { HTTP_STATUS, HttpRefusal } from './status.ts';
import { endEarly } from './unread.ts';

/** A refusal as HTTP tells it. */
export interface Refusal {
  httpStatus: number;
  code: status;
  message: string;
  /** Undefined for refusals of the protocol itself, and for faults of ours. */
  reason: ErrorCode | undefined;
  faults: readonly Fault[];
  details: CallStatus['details'];
  headers: Record<string, string | string[]>;
}

/** What the caller is told of whatever was thrown. */
export function refusalFor(door: Door, error: unknown, incoming: Incoming): Refusal {
  if (error instanceof HttpRefusal) {
    const { httpStatus, code, message } = error;
    return { httpStatus, code, message, reason: undefined, faults: [], details: [], headers: {} };
  }
  const { code, message, details, challenges } = refusalOf(door, error, incoming);
  const headers: Refusal['headers'] = {};
  if (challenges.length > 0) headers['www-authenticate'] = [...challenges];
  const told = { httpStatus: HTTP_STATUS[code], code, message, details, headers };
  if (!(error instanceof ArmadaError)) return { ...told, reason: undefined, faults: [] };
  if (error.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  return { ...told, reason: error.code, faults: toldFaults(error.faults) };
}

/** What callers are told whom there was no room for. Made once for each hint: a refusal must cost next to nothing. */
const overloads = new Map<number, Refusal>();

export function sendOverloaded(door: Door, exchange: Exchange, incoming: Incoming, refused: Refused): void {
  let refusal = overloads.get(refused.retryAfterMs);
  if (!refusal) {
    refusal = refusalFor(door, overloaded(refused), incoming);
    overloads.set(refused.retryAfterMs, refusal);
  }
  send(door, exchange, incoming, refusal);
}

/** Tells the caller of whatever was thrown, if the answer has not begun. */
export function sendRefusal(door: Door, exchange: Exchange, incoming: Incoming, error: unknown): void {
  send(door, exchange, incoming, refusalFor(door, error, incoming));
}

/** Armada's form: the text twice, for readers of either name. Beside it what people cannot read in the details. */
function send(door: Door, exchange: Exchange, incoming: Incoming, refusal: Refusal): void {
  if (isGone(exchange) || exchange.response.writableEnded) return;
  const { httpStatus, code, message, headers } = refusal;
  const body = { error: message, code, message, ...moreOf(refusal) };
  endEarly(exchange, httpStatus, {
    text: JSON.stringify(body),
    headers: { ...answerHeaders(door, incoming), ...headers, ...JSON_HEADERS },
  });
}

/** How a stream says that it failed: the last line, in a form of its own. */
export function streamError(refusal: Refusal): JsonValue {
  const { httpStatus, code, message } = refusal;
  const error = {
    grpc_code: code,
    http_code: httpStatus,
    message,
    http_status: STATUS_CODES[httpStatus] ?? '',
    ...moreOf(refusal),
  };
  return { error };
}

/** What there is to say besides the text: for people, and once more as by gRPC. */
function moreOf({ reason, faults, details }: Refusal) {
  return {
    ...(reason !== undefined && { reason }),
    ...(faults.length > 0 && { faults: faults.map(({ field, message }) => ({ field, message })) }),
    ...(details.length > 0 && {
      details: details.map(({ typeUrl, value }) => ({ type_url: typeUrl, value: value.toString('base64') })),
    }),
  };
}

/** For requests that no route takes. */
export function sendText(exchange: Exchange, httpStatus: number, headers: Record<string, string> = {}): void {
  const text = `${STATUS_CODES[httpStatus]}\n`;
  endEarly(exchange, httpStatus, {
    text,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}
