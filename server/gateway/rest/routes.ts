/** The routes of the services that are served, and how a request of theirs becomes a message. */
import { fromJson, JsonError } from '@armada-ts/api/json';
import { parseJson } from '@armada-ts/api/json/parse';
import { contractRoutes, type Route } from '@armada-ts/api/routes';
import { ArmadaError } from '../../base/errors.ts';
import { type Rank, rankOf } from '../../door/admission.ts';
import { type ServedMethod, type Service, servedMethods } from '../../door/method.ts';
import { ANSWER_ADDITIONS, REQUEST_REWRITES } from './older-forms.ts';
import { applyQuery, applyTexts, isObject, type JsonObject, parameterOf } from './parameters.ts';

export interface BoundRoute extends Route {
  readonly served: ServedMethod;
  readonly rank: Rank;
  /** The method whose answer is added to this one's. */
  readonly addition: BoundRoute | undefined;
}

/** Where the parts of a request are. */
export interface RequestParts {
  body: Buffer;
  query: string;
  values: readonly { field: string; text: string }[];
}

/** Routes whose method is served. Throws TypeError for one whose path names a field that its request has not. */
export function boundRoutes(services: readonly Service[]): BoundRoute[] {
  const served = new Map(
    services.flatMap(servedMethods).map((each) => [each.definition.path, each] as const),
  );
  const routes = contractRoutes();
  const bind = (route: Route): BoundRoute[] => {
    const method = served.get(route.method);
    if (method === undefined || method.method.kind === 'bidiStream') return [];
    for (const [, field = ''] of route.template.matchAll(/\{([\w.]+)/g)) {
      if (!parameterOf(route.request, field)) throw new TypeError(`${route.request} has no field ${field}`);
    }
    const added = routes.find(({ method: name }) => name === ANSWER_ADDITIONS[route.method]);
    const [addition] = added ? bind(added) : [];
    return [{ ...route, served: method, rank: rankOf(route.method), addition }];
  };
  return routes.flatMap(bind);
}

/** The request as JSON. Throws INVALID_REQUEST. */
export function jsonOf(route: Route, { body, query, values }: RequestParts): unknown {
  const request = route.body === '*' ? parsed(body) : {};
  // The codec says what is wrong with anything else.
  if (!isObject(request)) return request;
  if (route.body !== '*') {
    if (query !== '') applyQuery(request, route.request, new URLSearchParams(query));
    if (route.body !== '') setBody(request, route, parsed(body));
  }
  for (const { field, text } of values) {
    const parameter = parameterOf(route.request, field);
    if (parameter) applyTexts(request, parameter, [text]);
  }
  REQUEST_REWRITES[route.method]?.(request);
  return request;
}

/**
 * What the method is handed: the message as it comes off the wire, so that it is
 * the same whichever door it came by. Throws INVALID_REQUEST.
 */
export function requestOf({ request: typeName, served: { definition } }: BoundRoute, json: unknown): unknown {
  const message = refusingFaults(() => fromJson(typeName, json, { unknown: 'ignore' }));
  return definition.requestDeserialize(definition.requestSerialize(message));
}

function setBody(request: JsonObject, { request: typeName, body: field }: Route, value: unknown): void {
  const key = parameterOf(typeName, field)?.keys[0];
  if (key === undefined) throw new TypeError(`${typeName} has no field ${field}`);
  request[key] = value;
}

/** Nothing, and null, are a request with nothing set. */
function parsed(body: Buffer): unknown {
  return body.length === 0 ? {} : (refusingFaults(() => parseJson(body)) ?? {});
}

function refusingFaults<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const faults = error.faults.map(({ path, message }) => ({ field: path, message }));
    throw new ArmadaError('INVALID_REQUEST', error.message, { faults });
  }
}
