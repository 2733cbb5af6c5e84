/**
 * How much clients may send on one connection before they have to wait.
 *
 * HTTP/2 begins with 64 KiB for all calls of a connection together. Over a long
 * way that is little: with 50 ms there and back no more than 1.3 MB of submits a
 * second. And under overload the bodies of calls that are refused take it from
 * those of calls that were let in. The gRPC library has no setting for it on
 * servers, but Node tells of every call that comes in, with its connection.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';

/** What a connection whose calls are read slowly can make the server hold. */
const WINDOW_BYTES = 1024 * 1024;

const STREAM_CREATED = 'http2.server.stream.created';

/** Gives connections a larger window with their first call, until disposed of. */
export function widenConnections(): Disposable {
  const widened = new WeakSet<Http2Session>();
  const created = (message: unknown): void => {
    const { session } = (message as { stream: ServerHttp2Stream }).stream;
    if (!session || session.destroyed || widened.has(session)) return;
    widened.add(session);
    session.setLocalWindowSize(WINDOW_BYTES);
  };
  subscribe(STREAM_CREATED, created);
  return { [Symbol.dispose]: () => void unsubscribe(STREAM_CREATED, created) };
}
