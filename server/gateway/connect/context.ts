/** What the library hands on with each call. */
import { createContextKey, type HandlerContext } from '@connectrpc/connect';
import { type Door, type Incoming, requestIdOf } from '../../door/call.ts';
import { certificateOf, clientOf, sentValues } from '../incoming.ts';
import type { Visit } from './visit.ts';

const visitKey = createContextKey<Visit | undefined>(undefined);
const incomingKey = createContextKey<Incoming | undefined>(undefined);

export const visits = {
  put: (values: HandlerContext['values'], visit: Visit) => values.set(visitKey, visit),
  /** The visit of a call of the library; it has one from the beginning. */
  of({ values }: Pick<HandlerContext, 'values'>): Visit {
    const visit = values.get(visitKey);
    if (!visit) throw new TypeError('the call came past its handler');
    return visit;
  },
};

/** The call as the door wants it. */
export function incomingOf(door: Door, path: string, context: HandlerContext): Incoming {
  const known = context.values.get(incomingKey);
  if (known) return known;
  const { request } = visits.of(context);
  let requestId: string | undefined;
  const incoming: Incoming = {
    protocol: context.protocolName === 'grpc' ? 'grpc' : 'connect',
    path,
    peer: clientOf(door, request),
    get certificate() {
      return certificateOf(request);
    },
    get requestId() {
      return (requestId ??= requestIdOf(door, sentValues(request, 'x-request-id')[0]));
    },
    headers: (name) => sentValues(request, name),
    // Aborts at the caller's deadline too.
    gone: context.signal,
  };
  context.values.set(incomingKey, incoming);
  return incoming;
}
