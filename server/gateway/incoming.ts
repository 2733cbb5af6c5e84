import type { IncomingMessage } from 'node:http';

/** Address and port of the client: also what tells connections apart. */
export function peerOf({ socket }: Pick<IncomingMessage, 'socket'>): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
