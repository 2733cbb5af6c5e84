/**
 * REST: the methods of all services under the paths that their google.api.http
 * options give them, in JSON. It knows no service; a new route needs no code.
 */
import type { IncomingMessage } from 'node:http';
import { status } from '@grpc/grpc-js';
import { type JsonValue, toJson, type MessageTypes, type MessageName } from '@armada-ts/api/json';
import { ArmadaError } from '../../base/errors.ts';
import type { Admission, Admitted } from '../../door/admission.ts';
import { callUnary, type Door, sendStream } from '../../door/call.ts';
import { arrivalMsOf, knock, maxBytesOf } from '../../door/knock.ts';
import type { ServerStreamMethod, Service, UnaryMethod } from '../../door/method.ts';
import type { CallHandler } from '../http.ts';
import { peerOf } from '../incoming.ts';
import { sendJson } from './answer.ts';
import { ClientGone, readBody } from './body.ts';
import { timeoutMsOf, within } from './deadline.ts';
import { callOf, type Exchange, type RestCall } from './exchange.ts';
import { createLineWriter, type LineForm, type WriteLines } from './lines.ts';
import { isObject } from './parameters.ts';
import { turnAwayOf } from '../turn-away.ts';
import { sendOverloaded, sendRefusal, sendText } from './refusal.ts';
import { createRouter } from './router.ts';
import { type BoundRoute, boundRoutes, jsonOf, requestOf, type RequestParts } from './routes.ts';
import { HttpRefusal } from './status.ts';
import { lineFormOf, openAnswerStream } from './stream.ts';

export interface RestOptions {
  door: Door;
  admission: Admission;
  services: readonly Service[];
  /** Largest request taken, in bytes after decompression. */
  maxRequestBytes: number;
  /** How long a request may take to arrive; 30 s when left out. */
  requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 30_000;

const JSON_TYPE = 'application/json';

/** A form, which is read when it says which verb it stands for; pages of other sites cannot send that header unasked. */
const FORM = 'application/x-www-form-urlencoded';

/** What serving takes besides the request. */
interface Rest extends Omit<RestOptions, 'services'> {
  lines: Readonly<Record<LineForm, WriteLines>>;
}

/** A request that has found its route. */
interface Routed {
  exchange: Exchange;
  route: BoundRoute;
  values: RequestParts['values'];
  query: string;
  isForm: boolean;
  call: RestCall;
}

export function createRestHandler({ services, ...options }: RestOptions): CallHandler {
  const rest = { ...options, lines: { json: createLineWriter('json'), events: createLineWriter('events') } };
  const router = createRouter(
    boundRoutes(services).map((route) => ({ verb: route.verb, template: route.template, target: route })),
  );
  const turnAway = turnAwayOf(options.door);
  return {
    handle(request, response) {
      const { path, query } = targetOf(request);
      const isForm = isOverriding(request);
      const found = router.find(isForm ? overriddenVerb(request) : (request.method ?? ''), path);
      if (found.outcome === 'unknown path') return false;
      const exchange = { request, response };
      if (found.outcome === 'malformed') {
        turnAway(exchange, 'path');
        sendText(exchange, 400);
      } else if (found.outcome === 'other verbs') {
        turnAway(exchange, 'verb');
        sendText(exchange, 405, { allow: found.verbs.join(', ') });
      } else {
        const { target: route, values } = found;
        const call = callOf(rest.door, exchange, route.method);
        void serve(rest, { exchange, route, values, query, isForm, call });
      }
      return true;
    },
  };
}

function targetOf({ url = '' }: IncomingMessage): { path: string; query: string } {
  const at = url.indexOf('?');
  return at === -1 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

function isOverriding({ method, headers }: IncomingMessage): boolean {
  return method === 'POST' && 'x-http-method-override' in headers && mediaType(headers) === FORM;
}

function overriddenVerb({ headers }: IncomingMessage): string {
  return String(headers['x-http-method-override']).toUpperCase();
}

function mediaType(headers: IncomingMessage['headers']): string | undefined {
  const type = headers['content-type'];
  const end = type?.indexOf(';') ?? -1;
  return (end === -1 ? type : type?.slice(0, end))?.trim().toLowerCase();
}

/** Answers, whatever happens. */
async function serve(rest: Rest, routed: Routed): Promise<void> {
  const { exchange, route, call } = routed;
  const { method } = route.served;
  try {
    const timeoutMs = timeoutMsOf(call.headers('grpc-timeout')[0]);
    const isStream = method.kind !== 'unary';
    const connection = peerOf(exchange.request);
    const admitted = rest.admission.enter({ rank: route.rank, isStream, connection });
    if ('retryAfterMs' in admitted) sendOverloaded(rest.door, exchange, call, admitted);
    else if (method.kind === 'unary') await answerOnce(rest, routed, { method, admitted, timeoutMs });
    else if (method.kind === 'serverStream') await answerOn(rest, routed, { method, admitted, timeoutMs });
  } catch (error) {
    if (!(error instanceof ClientGone)) sendRefusal(rest.door, exchange, call, error);
  }
}

interface Work<ItsMethod> {
  method: ItsMethod;
  admitted: Admitted;
  /** How long the caller waits. */
  timeoutMs: number | undefined;
}

/**
 * A call with one answer counts as under way until it has been made, though its
 * client may have gone. Answers to reads are held in memory until they are sent.
 */
async function answerOnce(
  rest: Rest,
  routed: Routed,
  { method, admitted, timeoutMs }: Work<UnaryMethod>,
): Promise<void> {
  const { exchange, route, call } = routed;
  const isRead = route.rank === 'read';
  if (isRead) exchange.response.once('close', () => admitted.over());
  const answer = async (): Promise<JsonValue> => {
    try {
      const { asked, request } = await requestAsked(rest, routed, admitted);
      const answered = jsonAnswered(route, await callUnary(rest.door, method, call, request));
      return route.addition ? await withAddition(rest, routed, { asked, answered }) : answered;
    } finally {
      if (!isRead) admitted.over();
    }
  };
  const json = await within(timeoutMs, call, answer);
  // Waited for where it takes a while only: most callers do not ask for packed answers.
  const sending = sendJson(rest.door, exchange, call, json);
  if (sending) await sending;
}

async function answerOn(
  rest: Rest,
  routed: Routed,
  { method, admitted, timeoutMs }: Work<ServerStreamMethod>,
): Promise<void> {
  const { exchange, route, call } = routed;
  const { door } = rest;
  exchange.response.once('close', () => admitted.over());
  const { request } = await requestAsked(rest, routed, admitted);
  const form = lineFormOf(exchange);
  const { responseDeserialize: decode } = route.served.definition;
  const kind = { typeName: route.response, decode };
  const toLines = (item: unknown): Buffer => rest.lines[form](item, kind);
  const to = openAnswerStream(door, exchange, call, { form, toLines });
  try {
    await within(timeoutMs, call, () => sendStream(door, method, call, { request, to }));
    to.end();
  } catch (error) {
    to.fail(error);
  }
}

/** What the method is asked, as JSON and as its message. Rejects with what the caller is to be told. */
async function requestAsked(
  rest: Rest,
  routed: Routed,
  admitted: Admitted,
): Promise<{ asked: unknown; request: unknown }> {
  try {
    const body = await bodyAsked(rest, routed, admitted);
    const asked = jsonAsked(routed, body, admitted);
    return { asked, request: requestOf(routed.route, asked) };
  } catch (error) {
    if (isUnreadable(error)) rest.door.observer.refused('body');
    throw error;
  }
}

/** Whether the request is at fault, and not its caller or this server. */
function isUnreadable(error: unknown): boolean {
  return error instanceof HttpRefusal || (error instanceof ArmadaError && error.code === 'INVALID_REQUEST');
}

/** The body, where one is looked at, of callers who are known. Rejects with what readBody and knock do. */
async function bodyAsked(
  rest: Rest,
  { exchange: { request }, route, isForm, call }: Routed,
  admitted: Admitted,
): Promise<Buffer> {
  if (route.body === '' && !isForm) return NO_BODY;
  if (!isForm) refuseOtherTypes(request);
  const { method } = route.served;
  await knock(rest.door, method, call);
  const limits = {
    maxBytes: maxBytesOf(method.need, rest.maxRequestBytes),
    timeoutMs: arrivalMsOf(method.need, rest.requestTimeoutMs ?? REQUEST_TIMEOUT_MS),
  };
  const arriving = rest.admission.intake.begin(request.socket);
  return readBody(request, limits, { admitted, arriving });
}

/** The request that has arrived. Throws INVALID_REQUEST. */
function jsonAsked({ route, values, query, isForm }: Routed, body: Buffer, admitted: Admitted): unknown {
  admitted.arrived(body.length);
  if (!isForm) return jsonOf(route, { body, query, values });
  return jsonOf(route, { body: NO_BODY, query: [query, body.toString()].join('&'), values });
}

const NO_BODY = Buffer.alloc(0);

/** Any page may make a browser send forms and plain text, so these are not taken for JSON. */
function refuseOtherTypes({ headers }: IncomingMessage): void {
  const type = mediaType(headers);
  if (type === undefined || type === JSON_TYPE || headers['content-length'] === '0') return;
  const message = `send JSON, with Content-Type: ${JSON_TYPE}; got ${JSON.stringify(type.slice(0, 60))}`;
  throw new HttpRefusal(415, status.INVALID_ARGUMENT, message);
}

function jsonAnswered({ response, responseBody }: BoundRoute, answer: unknown): JsonValue {
  const json = toJson(response, answer as MessageTypes[MessageName]);
  if (responseBody === '') return json;
  const part = isObject(json) ? json[responseBody] : undefined;
  return (part ?? {}) as JsonValue;
}

/** The answer and what the other method says, if it answers this caller. */
async function withAddition(
  { door }: Rest,
  { exchange, route: { addition }, call: first }: Routed,
  { asked, answered }: { asked: unknown; answered: JsonValue },
): Promise<JsonValue> {
  if (addition?.served.method.kind !== 'unary') return answered;
  const call = callOf(door, exchange, addition.method, first.principal);
  try {
    const more = await callUnary(door, addition.served.method, call, requestOf(addition, asked));
    return { ...(jsonAnswered(addition, more) as object), ...(answered as object) };
  } catch {
    return answered;
  }
}
