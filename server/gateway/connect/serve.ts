import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescMethod } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createConnectRouter, createContextValues } from '@connectrpc/connect';
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import type { ServedMethod } from '../../door/method.ts';
import type { ConnectOptions } from './handler.ts';
import { addMethod, gateOf } from './methods.ts';
import { COMPRESSIONS } from './packing.ts';
import { visits } from './context.ts';
import type { Visit } from './visit.ts';

/** The longest that a timer can wait, in milliseconds: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000 };

/** Serves one method in each protocol and form. */
export function serveMethod(
  { door, maxRequestBytes }: Pick<ConnectOptions, 'door' | 'maxRequestBytes'>,
  served: ServedMethod,
  described: DescMethod,
) {
  const gate = gateOf(door);
  const handlerOf = (method: DescMethod) => {
    const router = createConnectRouter({
      readMaxBytes: maxRequestBytes,
      acceptCompression: COMPRESSIONS,
      requestGate: gate,
    });
    addMethod(router, door, served, method);
    const [handler] = router.handlers;
    if (!handler) throw new TypeError(`${served.definition.path} has no handler`);
    return handler;
  };
  const json = handlerOf(described);
  // Messages without fields keep those they do not know as they are: so bytes pass through without being taken apart.
  const binary = handlerOf({ ...described, input: EmptySchema, output: EmptySchema });

  return async (request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<void> => {
    const values = createContextValues();
    visits.put(values, visit);
    const universal = universalRequestFromNodeRequest(request, response, undefined, values);
    dropEndlessTimeouts(universal.header);
    const isJson = request.headers['content-type']?.includes('json') ?? false;
    try {
      const body = counted(universal.body as AsyncIterable<Uint8Array>, visit);
      const answer = await (isJson ? json : binary)({ ...universal, body });
      await universalResponseToNodeResponse(answer, response);
    } catch (error) {
      // The client has gone.
      if (ConnectError.from(error).code !== Code.Aborted) throw error;
    }
  };
}

/** Ends the call when there is no room for what still comes. */
async function* counted(body: AsyncIterable<Uint8Array>, visit: Visit): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    if (!visit.takes(chunk.length))
      throw new ConnectError('too much arrives at once', Code.ResourceExhausted);
    yield chunk;
  }
}

/** A deadline beyond what a timer can wait would be taken for one that is past. */
function dropEndlessTimeouts(header: Headers): void {
  if (Number(header.get('connect-timeout-ms')) > MAX_TIMER_MS) header.delete('connect-timeout-ms');
  const [, digits, unit = ''] = /^(\d{1,8})([HMS])$/.exec(header.get('grpc-timeout') ?? '') ?? [];
  if (Number(digits) * (UNIT_MS[unit] ?? 0) > MAX_TIMER_MS) header.delete('grpc-timeout');
}
