import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescMethod } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { createConnectRouter, createContextValues } from '@connectrpc/connect';
import { maxBytesOf } from '../../door/knock.ts';
import type { ServedMethod } from '../../door/method.ts';
import type { ConnectOptions } from './handler.ts';
import { addMethod, gateOf } from './methods.ts';
import { compressions } from './packing.ts';
import { isJson, refuseUnsound, strictly } from './strict-json.ts';
import { bodyOf } from './body.ts';
import { visits } from './context.ts';
import { sendStream, sendWhole } from './send.ts';
import type { Visit } from './visit.ts';

/** The longest that a timer can wait, in milliseconds: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000 };

/** Serves one method in each protocol and form. */
export function serveMethod(
  { door, maxRequestBytes: most }: Pick<ConnectOptions, 'door' | 'maxRequestBytes'>,
  served: ServedMethod,
  described: DescMethod,
) {
  const gate = gateOf(door, served.method);
  const maxRequestBytes = maxBytesOf(served.method.need, most);
  const handlerOf = (method: DescMethod, acceptCompression = compressions()) => {
    const router = createConnectRouter({
      readMaxBytes: maxRequestBytes,
      acceptCompression,
      requestGate: gate,
    });
    addMethod(router, door, served, method);
    const [handler] = router.handlers;
    if (!handler) throw new TypeError(`${served.definition.path} has no handler`);
    return handler;
  };
  const json = handlerOf(described, compressions(refuseUnsound));
  // Messages without fields keep those they do not know as they are: so bytes pass through without being taken apart.
  const binary = handlerOf({ ...described, input: EmptySchema, output: EmptySchema });

  return async (request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void> => {
    const contextValues = createContextValues();
    visits.put(contextValues, visit);
    const hasJson = isJson(request.headers);
    const body = bodyOf(request, visit, maxRequestBytes);
    const answer = await (hasJson ? json : binary)({
      httpVersion: request.httpVersion,
      method: request.method ?? '',
      // The library looks at nothing but the query.
      url: `http://localhost${request.url}`,
      header: headersOf(request),
      body: hasJson ? strictly(body, request.headers) : body,
      signal: visit.gone,
      contextValues,
    });
    const isWhole = served.method.kind === 'unary' && !answer.trailer;
    if (!isWhole) await sendStream(answer, response, visit);
    // Of what streams the request is read only now.
    if (visit.isUnreadable) door.observer.refused('body');
    if (isWhole) await sendWhole(answer, response);
  };
}

function headersOf({ headers }: IncomingMessage): Headers {
  const made = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // HTTP/2 has some of its own, which are none here.
    if (value === undefined || name.startsWith(':')) continue;
    if (typeof value === 'string') made.set(name, value);
    else for (const each of value) made.append(name, each);
  }
  dropEndlessTimeouts(made);
  return made;
}

/** A deadline beyond what a timer can wait would be taken for one that is past. */
function dropEndlessTimeouts(header: Headers): void {
  if (Number(header.get('connect-timeout-ms')) > MAX_TIMER_MS) header.delete('connect-timeout-ms');
  const [, digits, unit = ''] = /^(\d{1,8})([HMS])$/.exec(header.get('grpc-timeout') ?? '') ?? [];
  if (Number(digits) * (UNIT_MS[unit] ?? 0) > MAX_TIMER_MS) header.delete('grpc-timeout');
}
