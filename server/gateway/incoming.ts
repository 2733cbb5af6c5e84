import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Door, type Incoming, requestIdOf } from '../door/call.ts';

/** A call that came by HTTP, as the door wants it. */
export function incomingOf(
  door: Pick<Door, 'newRequestId'>,
  call: Pick<Incoming, 'protocol' | 'path'>,
  request: IncomingMessage,
  response: ServerResponse,
): Incoming {
  let gone: AbortController | undefined;
  let requestId: string | undefined;
  return {
    ...call,
    peer: peerOf(request),
    get requestId() {
      return (requestId ??= requestIdOf(door, valuesOf(request, 'x-request-id')[0]));
    },
    headers: (name) => valuesOf(request, name),
    // Few methods ask for it, and making one is not free.
    get gone() {
      return (gone ??= goneOf(response)).signal;
    },
  };
}

/** Address and port of the client: also what tells connections apart. */
export function peerOf({ socket }: IncomingMessage): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}

/** As they came: for some headers the library keeps the first value only, and joins others. */
function valuesOf({ rawHeaders }: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? '');
  }
  return values;
}

/** Aborts when the response is closed before it was sent whole. */
function goneOf(response: ServerResponse & { stream?: { destroyed: boolean } }): AbortController {
  const gone = new AbortController();
  const look = (): void => {
    if (!response.writableFinished) gone.abort();
  };
  // Only one of the two protocols tells it of the response itself.
  if (response.destroyed || response.stream?.destroyed) look();
  else response.on('close', look);
  return gone;
}
