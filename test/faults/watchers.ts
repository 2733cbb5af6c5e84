// Follows a job set as clients do: from the beginning, resuming after every
// break from the last id that was received, at any of the servers, and breaking
// off by itself at times.
import { setTimeout as sleep } from 'node:timers/promises';
import { EventClient, type EventStreamMessage } from '@armada-ts/api/api/event';
import { type ClientReadableStream, credentials } from '@grpc/grpc-js';
import { FINAL_READER, type EventEntry, type Recorder } from './history.ts';
import { addressesOf, CHANNEL_OPTIONS, codeOf } from './load.ts';
import { TERMINAL } from './job-histories.ts';
import type { Random } from './random.ts';

const RESUME_MS = 50;

/** How often a watcher hangs up by itself, per event. */
const HANG_UP = 1 / 200;

export interface Watched {
  /** `host:port` of the gRPC API; several servers are divided by commas. */
  address: string;
  queue: string;
  jobSet: string;
  recorder: Recorder;
}

export interface Watcher {
  /** Jobs that have ended, as this watcher was told. */
  ended: ReadonlySet<string>;
  /** The last id received. */
  lastId(): string;
  /** When the last event came, by a clock that never goes back. */
  lastEventMs(): number;
  /** Hangs up and waits until nothing more is recorded. Rejects with what ended the watch for good. */
  close(): Promise<void>;
}

/** Starts to watch; the job set need not exist yet. */
export function startWatcher(reader: string, watched: Watched, random: Random): Watcher {
  const { address, queue, jobSet, recorder } = watched;
  const servers = clientsOf(address);
  const ended = new Set<string>();
  let lastId = '';
  let lastEventMs = performance.now();
  let isClosed = false;
  let stream: ClientReadableStream<EventStreamMessage> | undefined;

  const watch = async (): Promise<void> => {
    while (!isClosed) {
      stream = random.pick(servers).getJobSetEvents({
        id: jobSet,
        watch: true,
        fromMessageId: lastId,
        queue,
        errorIfMissing: false,
      });
      let reason = 'the stream ended';
      try {
        for await (const message of stream as AsyncIterable<EventStreamMessage>) {
          const entry = entryOf(reader, jobSet, message);
          recorder.record(entry);
          lastId = entry.id;
          lastEventMs = performance.now();
          if (TERMINAL.has(entry.event)) ended.add(entry.jobId);
          if (random.chance(HANG_UP)) break;
        }
      } catch (error) {
        if (codeOf(error) === undefined) throw error;
        reason = error instanceof Error ? error.message : String(error);
      } finally {
        stream.cancel();
      }
      if (isClosed) break;
      recorder.record({ kind: 'resume', reader, jobSet, fromId: lastId, reason });
      await sleep(RESUME_MS);
    }
  };
  const over = watch();
  // Awaited in close(); until then it must not count as unhandled.
  over.catch(() => {});
  return {
    ended,
    lastId: () => lastId,
    lastEventMs: () => lastEventMs,
    close: async () => {
      isClosed = true;
      stream?.cancel();
      await over;
      for (const client of servers) client.close();
    },
  };
}

function clientsOf(address: string): EventClient[] {
  return addressesOf(address).map(
    (one) => new EventClient(one, credentials.createInsecure(), CHANNEL_OPTIONS),
  );
}

/** Reads all there is from the first server, once; the id of the last event. */
export async function readWhole({ address, queue, jobSet, recorder }: Watched): Promise<string> {
  const [first = ''] = addressesOf(address);
  const client = new EventClient(first, credentials.createInsecure(), CHANNEL_OPTIONS);
  try {
    const request = { id: jobSet, watch: false, fromMessageId: '', queue, errorIfMissing: true };
    let last = '';
    const stream = client.getJobSetEvents(request) as AsyncIterable<EventStreamMessage>;
    for await (const message of stream) {
      recorder.record(entryOf(FINAL_READER, jobSet, message));
      last = message.id;
    }
    return last;
  } finally {
    client.close();
  }
}

function entryOf(reader: string, jobSet: string, { id, message }: EventStreamMessage): EventEntry {
  const events = message?.events;
  if (!events) throw new Error(`${reader}: ${id} holds no event`);
  const { jobId, created } = events.value;
  return {
    kind: 'event',
    reader,
    jobSet,
    id,
    jobId,
    event: events.$case,
    createdMs: created === undefined ? 0 : Number(created.seconds) * 1000 + created.nanos / 1e6,
    ...(events.$case === 'submitted' && { clientId: events.value.job?.clientId ?? '' }),
  };
}
