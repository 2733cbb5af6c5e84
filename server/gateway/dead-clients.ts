/** Clients of the HTTP port that have gone without a word, or take nothing of what waits for them. */
import type { Server } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { ANSWER_TIMEOUT_MS } from '../door/untaken.ts';

/** How often a client of HTTP/2 is asked whether it is there; and how long it may take to say so. */
const PING_EVERY_MS = 10_000;

/** Ends the connection when nobody answers on it: of a machine that died nothing else is heard. */
export function endWhenSilent(session: ServerHttp2Session, everyMs = PING_EVERY_MS): void {
  let isAsked = false;
  const timer = setInterval(() => {
    const answered = (): void => {
      isAsked = false;
    };
    if (session.destroyed) return;
    if (isAsked || !session.ping(answered)) session.destroy();
    isAsked = true;
  }, everyMs);
  // It must not keep a process alive that has nothing else to do.
  timer.unref();
  session.once('close', () => clearInterval(timer));
}

/** Ends connections of HTTP/1.1 whose answer is not taken. One that has nothing to say, as a stream at times, is let be. */
export function endUntakenAnswers(server: Server, timeoutMs = ANSWER_TIMEOUT_MS): void {
  const answering = new WeakSet<Socket>();
  server.on('request', ({ socket }, response) => {
    answering.add(socket);
    response.once('close', () => answering.delete(socket));
  });
  server.setTimeout(timeoutMs);
  // Told of connections that wait for a further request as well, after their own time.
  server.on('timeout', (socket) => {
    if (!answering.has(socket) || socket.writableLength > 0) socket.destroy();
  });
}
