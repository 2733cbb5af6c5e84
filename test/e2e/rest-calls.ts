// The same calls by REST, from the routes of the contract alone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { fromJson, type JsonValue, type MessageName, type MessageTypes, toJson } from '@armada-ts/api/json';
import { contractRoutes, type Route } from '@armada-ts/api/routes';
import type { Metadata, status } from '@grpc/grpc-js';
import { answered, type Outcome, refused, serviceError } from './calls.ts';

/** What each code is over HTTP, written down once more: the server's own table is what is under test. */
const HTTP_STATUS: Partial<Record<keyof typeof status, number>> = {
  CANCELLED: 408,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  UNAUTHENTICATED: 401,
};

/** The first route of a method, by its path in gRPC; undefined when it has none. */
export function routeOf(path: string): Route | undefined {
  return contractRoutes().find(({ method }) => method === path);
}

/** Makes a call; of a stream of answers the first counts. Throws when a refusal has another status than its code. */
export async function restCall(
  url: string,
  route: Route,
  request: object,
  { metadata, tls }: Pick<Sent, 'metadata' | 'tls'> = {},
): Promise<Outcome> {
  const { target, body } = spelled(route, request);
  const response = await send(`${url}${target}`, route.verb, { metadata, body, tls });
  const text = await firstLine(response);
  const json = JSON.parse(text) as {
    result?: JsonValue;
    error?: StreamFailure | string;
    reason?: string;
  };
  const httpStatus = response.statusCode ?? 0;
  if (httpStatus !== 200) {
    const outcome = refusedBy(json as unknown as Failure, response);
    assert.equal(httpStatus, HTTP_STATUS[outcome.code], outcome.code);
    assert.equal(json.error, outcome.error?.message);
    assert.equal(json.reason, outcome.error?.reason);
    return outcome;
  }
  if (typeof json.error === 'object') {
    const { grpc_code: code, message, details = [] } = json.error;
    return refusedBy({ code, message, details }, response);
  }
  const told = 'result' in json ? json.result : json;
  return answered(fromJson(route.response, told, { unknown: 'ignore' }));
}

export interface Sent {
  metadata?: Metadata | undefined;
  body?: string | Buffer | undefined;
  /** Of the body; JSON when left out. */
  contentType?: string | undefined;
  /** Whom to trust, and what to show, where the URL is of HTTPS. */
  tls?: { ca: Buffer; cert?: Buffer; key?: Buffer } | undefined;
}

export async function send(
  url: string,
  verb: string,
  { metadata, body, contentType = 'application/json', tls }: Sent,
): Promise<IncomingMessage> {
  const headers = Object.fromEntries(
    Object.entries(metadata?.getMap() ?? {}).map(([name, value]) => [name, String(value)]),
  );
  // Left to itself the library says no length for DELETE.
  const ofBody =
    body === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
  const options = { method: verb, headers: { ...ofBody, ...headers } };
  const asked = tls ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options);
  // Before the answer it is thrown below; after it, reading the answer tells.
  asked.on('error', () => {});
  asked.end(body);
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

interface Failure {
  code: number;
  message: string;
  details?: { type_url: string; value: string }[];
}

interface StreamFailure {
  grpc_code: number;
  message: string;
  details?: Failure['details'];
}

/** Path, query and body that say the request. */
export function spelled(
  { template, body, request: typeName }: Route,
  request: object,
): { target: string; body: string | undefined } {
  const json = toJson(typeName, request as MessageTypes[MessageName]) as Record<string, JsonValue>;
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const key = name.replaceAll(/_(\w)/g, (__, letter: string) => letter.toUpperCase());
    const { [key]: value = '' } = json;
    delete json[key];
    return encodeURIComponent(textOf(value));
  });
  if (body === '*') return { target: path, body: JSON.stringify(json) };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(json)) {
    for (const each of [value].flat()) query.append(name, textOf(each));
  }
  return { target: query.size === 0 ? path : `${path}?${query.toString()}`, body: undefined };
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function firstLine(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
}

function refusedBy({ code, message, details = [] }: Failure, response: IncomingMessage): Outcome {
  const packed = details.map(({ type_url: typeUrl, value }) => ({
    typeUrl,
    value: Buffer.from(value, 'base64'),
  }));
  const challenge = response.headers['www-authenticate'];
  return refused(serviceError({ code, message, details: packed, challenge }));
}
