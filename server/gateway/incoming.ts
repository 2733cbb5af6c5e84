import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Caller } from '../auth/chain.ts';
import type { Door } from '../door/call.ts';

/** Of connections, which serve many calls each. */
const peers = new WeakMap<object, string>();

/** Address and port of the client: also what tells connections apart. */
export function peerOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  let peer = peers.get(socket);
  if (peer === undefined) {
    peer = `${socket.remoteAddress}:${socket.remotePort}`;
    peers.set(socket, peer);
  }
  return peer;
}

/** The certificate that the client has shown, if its authority is one that the port trusts. */
export function certificateOf({ socket }: Pick<IncomingMessage, 'socket'>): Buffer | undefined {
  // Of HTTP/2 the socket is a stand-in, which passes such questions on.
  const { authorized, getPeerX509Certificate } = socket as Partial<TLSSocket>;
  return authorized === true ? getPeerX509Certificate?.call(socket)?.raw : undefined;
}

/** Where a request comes from: the peer, or whom a proxy that is trusted names. */
export function clientOf({ findClient }: Pick<Door, 'findClient'>, request: IncomingMessage): string {
  const peer = peerOf(request);
  return findClient ? findClient(peer, sentValues(request, 'x-forwarded-for')) : peer;
}

export function callerOf(door: Pick<Door, 'findClient'>, request: IncomingMessage): Caller {
  return { peer: clientOf(door, request), certificate: certificateOf(request) };
}

/** All values of a header, or of any of several, as they came: of some Node keeps the first value only, and joins those of others. */
export function sentValues(
  { rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>,
  ...names: readonly string[]
): string[] {
  return rawHeaders.filter(
    (_, at) => at % 2 === 1 && names.includes(rawHeaders[at - 1]?.toLowerCase() ?? ''),
  );
}
