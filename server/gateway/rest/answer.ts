/** Answers that are one JSON text, refusals among them, and the plain texts of those that no route took. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { status } from '@grpc/grpc-js';
import type { JsonValue } from '@armada-ts/api/json';
import { ArmadaError } from '../../base/errors.ts';
import { answerHeaders, type Door, type Incoming, refusalOf } from '../../door/call.ts';
import type { CallStatus } from '../../door/errors.ts';
import { encodingOf, packed } from './encoding.ts';
import { cutOffUntaken, type Exchange, isGone } from './exchange.ts';
import { HTTP_STATUS, HttpRefusal } from './status.ts';

/** A refusal as HTTP tells it. */
export interface Refusal {
  httpStatus: number;
  code: status;
  message: string;
  details: CallStatus['details'];
  headers: Record<string, string | string[]>;
}

/** What the caller is told of whatever was thrown. */
export function refusalFor(door: Door, error: unknown, incoming: Incoming): Refusal {
  if (error instanceof HttpRefusal) {
    const { httpStatus, code, message } = error;
    return { httpStatus, code, message, details: [], headers: {} };
  }
  const { code, message, details, challenges } = refusalOf(door, error, incoming);
  const headers: Refusal['headers'] = {};
  if (challenges.length > 0) headers['www-authenticate'] = [...challenges];
  if (error instanceof ArmadaError && error.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(error.retryAfterMs / 1000));
  }
  return { httpStatus: HTTP_STATUS[code], code, message, details, headers };
}

/** Armada's form: the text twice, for readers of either name. */
export function sendRefusal(door: Door, exchange: Exchange, incoming: Incoming, error: unknown): void {
  const { request, response } = exchange;
  if (isGone(exchange) || response.writableEnded) return;
  const { httpStatus, code, message, details, headers } = refusalFor(door, error, incoming);
  const body = { error: message, code, message, ...detailsMember(details) };
  const text = JSON.stringify(body);
  response.writeHead(httpStatus, {
    ...answerHeaders(door, incoming),
    ...headers,
    ...(hasMuchUnread(request) && { connection: 'close' }),
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** What is left of a body is read and thrown away, so that the connection can go on; not for ever. */
const MAX_THROWN_AWAY_BYTES = 64 * 1024;

/** HTTP/2 ends the one request by itself. */
function hasMuchUnread({ complete, httpVersionMajor, headers }: IncomingMessage): boolean {
  if (complete || httpVersionMajor !== 1) return false;
  if (headers['transfer-encoding'] !== undefined) return true;
  return Number(headers['content-length'] ?? 0) > MAX_THROWN_AWAY_BYTES;
}

/** How a stream says that it failed: the last line, in a form of its own. */
export function streamError({ httpStatus, code, message, details }: Refusal): JsonValue {
  const error = {
    grpc_code: code,
    http_code: httpStatus,
    message,
    http_status: STATUS_CODES[httpStatus] ?? '',
    ...detailsMember(details),
  };
  return { error };
}

function detailsMember(details: CallStatus['details']): { details?: { type_url: string; value: string }[] } {
  if (details.length === 0) return {};
  return {
    details: details.map(({ typeUrl, value }) => ({ type_url: typeUrl, value: value.toString('base64') })),
  };
}

/** So much a connection takes whether or not its client does. */
const MAX_BUFFERED_BYTES = 16 * 1024;

/** Sends the answer of a method that has one. */
export async function sendJson(
  door: Door,
  exchange: Exchange,
  incoming: Incoming,
  json: JsonValue,
): Promise<void> {
  const { request, response } = exchange;
  const text = JSON.stringify(json);
  const encoding = encodingOf(request, ['br', 'gzip']);
  const small = encoding && (await packed(Buffer.from(text), encoding));
  if (isGone(exchange)) return;
  const headers = { ...answerHeaders(door, incoming), 'content-type': 'application/json' };
  if (small) {
    response.appendHeader('vary', 'Accept-Encoding');
    response.writeHead(200, { ...headers, 'content-encoding': encoding, 'content-length': small.length });
  } else {
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text) });
  }
  if (text.length > MAX_BUFFERED_BYTES) cutOffUntaken(door, exchange);
  response.end(small ?? text);
}

/** For requests that no route takes. */
export function sendText(
  { response }: Exchange,
  httpStatus: number,
  headers: Record<string, string> = {},
): void {
  response.writeHead(httpStatus, { ...headers, 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${STATUS_CODES[httpStatus]}\n`);
}
