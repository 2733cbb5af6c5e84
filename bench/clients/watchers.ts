// The client of the watchers benchmark: many streams on a few connections over
// plain HTTP/2, all of one job set. Messages are counted, not decoded; those of
// some of the streams are kept and looked at afterwards.
import { type ClientHttp2Session, connect } from 'node:http2';
import { MessageCounter, checkStream, followJobSet, messagesTo } from '../measuring/event-stream.ts';
import { serveLoad } from '../measuring/processes.ts';

export type WatchersOrder =
  /** Opens the streams and waits until each has shown so many events. */
  | {
      kind: 'join';
      address: string;
      queue: string;
      jobSetId: string;
      watchers: number;
      connections: number;
      events: number;
    }
  /** Waits until each stream has shown so many events in all. */
  | { kind: 'count'; events: number }
  /** Checks the samples, gives back one of them as it came, and closes everything. */
  | { kind: 'leave' };

export interface WatchersFigures {
  cpuMicros: number;
  /** Bytes of one stream. */
  bytes: Uint8Array;
}

const SAMPLES = 10;

interface Watch {
  sessions: ClientHttp2Session[];
  counters: MessageCounter[];
  samples: Buffer[][];
  changed: () => void;
}

let watch: Watch = { sessions: [], counters: [], samples: [], changed: () => {} };

serveLoad<WatchersOrder, WatchersFigures>(async (order) => {
  const cpu = process.cpuUsage();
  let bytes: Uint8Array = new Uint8Array();
  if (order.kind === 'leave') bytes = leave();
  else {
    if (order.kind === 'join') watch = join(order);
    await counted(order.events);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMicros: user + system, bytes };
});

function join(order: Extract<WatchersOrder, { kind: 'join' }>): Watch {
  const sessions = Array.from({ length: order.connections }, () => connect(`http://${order.address}`));
  const made: Watch = { sessions, counters: [], samples: [], changed: () => {} };
  for (let i = 0; i < order.watchers; i++) {
    const counter = new MessageCounter();
    made.counters.push(counter);
    const session = sessions[i % sessions.length];
    if (!session) throw new Error('no connection');
    const kept: Buffer[] = [];
    const isSample = i % Math.ceil(order.watchers / SAMPLES) === 0;
    if (isSample) made.samples.push(kept);
    followJobSet(session, { queue: order.queue, id: order.jobSetId }, (chunk) => {
      counter.take(chunk);
      if (isSample) kept.push(chunk);
      made.changed();
    });
  }
  return made;
}

/** Waits until all have seen so many events. Only the one that is behind is looked at. */
async function counted(events: number): Promise<void> {
  for (const counter of watch.counters) {
    while (counter.count < events) {
      await new Promise<void>((resolve) => {
        watch.changed = resolve;
      });
    }
    if (counter.count > events) throw new Error(`${counter.count} events where there are ${events}`);
  }
}

function leave(): Uint8Array {
  for (const session of watch.sessions) session.destroy();
  const [first, ...others] = watch.samples.map((chunks) => Buffer.concat(chunks));
  if (!first || others.some((bytes) => !bytes.equals(first)))
    throw new Error('watchers saw different events');
  const messages: Buffer[] = [];
  messagesTo((message) => messages.push(message))(first);
  checkStream(messages);
  return first;
}
