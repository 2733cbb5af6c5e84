// Clients that mean no good, or no longer do anything, over the raw wire.
import { type ClientHttp2Session, constants } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService, JobSetRequest } from '@armada-ts/api/api/event';
import { SubmitService } from '@armada-ts/api/api/submit';
import { framed, openCall, openSession } from './raw-grpc.ts';

/** What begins every HTTP/2 connection of a client: its preface and empty settings. */
const HELLO = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** Opens connections that say hello and nothing more. */
export async function idleConnections(
  address: string,
  count: number,
): Promise<Disposable & { open(): number }> {
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connectTcp(portOf(address), '127.0.0.1');
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.once('connect', resolve).once('error', () => resolve()));
    socket.write(HELLO);
    sockets.push(socket);
  }
  return {
    open: () => sockets.filter((socket) => !socket.destroyed).length,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Watches a job set from its beginning many times over, and reads nothing of it. */
export function deafWatchers(address: string, count: number, jobSet: string): Disposable {
  const sessions: ClientHttp2Session[] = [];
  const body = framed(
    JobSetRequest.encode(
      JobSetRequest.fromPartial({ id: jobSet, queue: jobSet, watch: true, errorIfMissing: true }),
    ).finish(),
  );
  let session: ClientHttp2Session | undefined;
  for (let i = 0; i < count; i++) {
    if (i % 50 === 0) {
      session = openSession(address);
      sessions.push(session);
    }
    // Without a listener for data nothing is read, and no more is allowed to be sent.
    if (session) openCall(session, EventService.getJobSetEvents.path).end(body);
  }
  return {
    [Symbol.dispose]() {
      for (const each of sessions) each.destroy();
    },
  };
}

/** Begins calls and takes them back at once, again and again; how many. */
export async function resetRapidly(address: string, forMs: number): Promise<number> {
  const untilMs = performance.now() + forMs;
  let count = 0;
  while (performance.now() < untilMs) {
    const session = openSession(address);
    while (!session.closed && !session.destroyed && performance.now() < untilMs) {
      for (let i = 0; i < 100 && !session.closed && !session.destroyed; i++, count++) {
        openCall(session, SubmitService.submitJobs.path).close(constants.NGHTTP2_CANCEL);
      }
      await sleep(5);
    }
    session.destroy();
  }
  return count;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
