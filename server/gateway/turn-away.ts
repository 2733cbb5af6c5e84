import { type Door, requestIdOf } from '../door/call.ts';
import type { RefusalAtPort } from '../door/observer.ts';
import { sentValues } from './incoming.ts';
import type { Exchange } from './rest/exchange.ts';

/** Counts a request that becomes no call, and names it for its sender; call before it is answered. */
export type TurnAway = (exchange: Exchange, why: RefusalAtPort) => void;

export function turnAwayOf(door: Pick<Door, 'newRequestId' | 'observer'>): TurnAway {
  return (exchange, why) => {
    door.observer.refused(why);
    nameRequest(door, exchange);
  };
}

/** Tells by which id a request is to be found in the log, as calls are told. */
export function nameRequest(door: Pick<Door, 'newRequestId'>, { request, response }: Exchange): string {
  const id = requestIdOf(door, sentValues(request, 'x-request-id')[0]);
  response.setHeader('x-request-id', id);
  return id;
}
