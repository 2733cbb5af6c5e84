/** A request of HTTP as the door wants it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../../auth/principal.ts';
import { type Door, type Incoming, requestIdOf } from '../../door/call.ts';
import { SLOW_CLIENT_MS } from '../../door/sender.ts';
import { certificateOf, clientOf, sentValues } from '../incoming.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A call that may be given up before its client goes. */
export interface RestCall extends Incoming {
  /** Who made it, once that is known. */
  readonly principal: Principal | undefined;
  giveUp(): void;
}

/**
 * Few methods ask for the signal: it is made when it is asked for.
 * @param known who makes it, when it is the second call of a request
 */
export function callOf(door: Door, exchange: Exchange, path: string, known?: Principal): RestCall {
  const { request, response } = exchange;
  let principal = known;
  let gone: AbortController | undefined;
  let isGivenUp = false;
  let requestId: string | undefined;
  return {
    protocol: 'rest',
    path,
    get peer() {
      return clientOf(door, request);
    },
    get certificate() {
      return certificateOf(request);
    },
    get requestId() {
      return (requestId ??= requestIdOf(door, valuesOf(request, 'x-request-id')[0]));
    },
    headers: (name) => valuesOf(request, name),
    known,
    get principal() {
      return principal;
    },
    entered(who) {
      principal = who;
    },
    get gone() {
      if (gone === undefined) {
        const made = new AbortController();
        if (isGivenUp || isGone(exchange)) made.abort();
        else response.once('close', () => response.writableEnded || made.abort());
        gone = made;
      }
      return gone.signal;
    },
    giveUp() {
      isGivenUp = true;
      gone?.abort();
    },
  };
}

/** Whether nobody is there any more to be answered. HTTP/2 tells it of the stream alone. */
export function isGone({
  response,
}: {
  response: ServerResponse & { stream?: { destroyed: boolean } };
}): boolean {
  return response.destroyed || response.stream?.destroyed === true;
}

/** Lets go of an answer that its client does not take; of one that goes slowly only when it goes no further. */
export function cutOffUntaken({ slowClientMs = SLOW_CLIENT_MS }: Door, { response }: Exchange): void {
  response.setTimeout(slowClientMs, () => void response.destroy());
}

const METADATA = 'grpc-metadata-';
const NONE: readonly string[] = [];

/** What was sent under that name, and under the one that carries gRPC metadata of that name. */
function valuesOf(request: IncomingMessage, name: string): readonly string[] {
  const own = request.headers[name];
  const carried = request.headers[METADATA + name];
  if (own === undefined && carried === undefined) return NONE;
  // Node keeps the first of two credentials only, and whoever sends two is to be refused.
  if (name === 'authorization') return sentValues(request, name, METADATA + name);
  return [own ?? [], carried ?? []].flat();
}
