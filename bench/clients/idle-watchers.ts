// The client of the idle watchers benchmark: streams of many job sets over plain
// HTTP/2, on a few connections or on one each, held open.
import { type ClientHttp2Session, connect } from 'node:http2';
import { MessageCounter, followJobSet } from '../measuring/event-stream.ts';
import { serveLoad } from '../measuring/processes.ts';

export type IdleWatchersOrder =
  /** Opens a stream of each job set, and waits until each has shown an event. */
  | { kind: 'join'; address: string; queue: string; jobSets: readonly string[]; connections: number }
  /** Closes everything. */
  | { kind: 'leave' };

/** Streams that are opened at once. */
const AT_ONCE = 100;

let sessions: ClientHttp2Session[] = [];
let closed = 0;

serveLoad<IdleWatchersOrder, { closed: number }>(async (order) => {
  if (order.kind === 'leave') {
    const wereClosed = closed;
    for (const session of sessions) session.destroy();
    return { closed: wereClosed };
  }
  const { address, queue, jobSets, connections } = order;
  sessions = [];
  closed = 0;
  const next = jobSets.entries();
  const opener = async (): Promise<void> => {
    for (const [i, id] of next) {
      const session = (sessions[i % connections] ??= connect(`http://${address}`));
      await open(session, { queue, id });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, opener));
  return { closed };
});

/** Resolves with the first event. */
function open(session: ClientHttp2Session, jobSet: { queue: string; id: string }): Promise<void> {
  return new Promise((resolve) => {
    const counter = new MessageCounter();
    const stream = followJobSet(session, jobSet, (chunk) => {
      counter.take(chunk);
      if (counter.count > 0) resolve();
    });
    stream.once('close', () => closed++);
    stream.once('error', () => {});
  });
}
