/**
 * The HTTP routes of the contract, as the google.api.http options of its methods
 * declare them. Comes from the descriptors by way of api/json/generate.mjs.
 */
import { routeRows } from '../generated/json/routes.ts';
import type { MessageName } from './descriptors.ts';

export interface Route {
  /** `/package.Service/Method`. */
  readonly method: string;
  /** In capitals: GET, PUT, POST, DELETE, PATCH, or one of the proto's own. */
  readonly verb: string;
  /** Such as `/v1/queue/{name}`; google/api/http.proto has the grammar. */
  readonly template: string;
  /** The request field that the body is, `*` for the whole request, '' when there is no body. */
  readonly body: string;
  /** The response field that the answer is; '' for the whole response. */
  readonly responseBody: string;
  readonly request: MessageName;
  readonly response: MessageName;
}

/** All of them, whether served or not. A method with additional bindings is there once for each. */
export function contractRoutes(): readonly Route[] {
  return routeRows;
}
