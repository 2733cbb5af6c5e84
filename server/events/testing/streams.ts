/**
 * Job set streams in memory: the part of the store that events are read from,
 * with a count of the reads, and with what seldom happens to streams at hand.
 */
import type { LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { LogEntry as LogEntryMessage, StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import { EventSequence, type EventSequence_Event, SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { Queue } from '@armada-ts/api/api/queue';
import type { JobSetInfo, Store } from '../../store/store.ts';

export type Payload = NonNullable<EventSequence_Event['event']>;

export interface Streams {
  store: Store;
  /** Adds a sequence of the queue `queue`; the log entry that tells of it is still to be applied. */
  append(jobSet: string, events: readonly Payload[]): LogEntry;
  /** Removes all sequences up to this number. */
  trim(jobSet: string, number: number): void;
  /** Removes the job set, as retention does once nothing of it is left. */
  remove(jobSet: string): void;
  /** Full spec of a job, besides its id. */
  specs: Map<string, SubmitJob>;
  reads: { stream: number; specs: number };
  /** Thrown by the next reads of streams while it is set. */
  fault: Error | undefined;
}

interface Stream {
  createdMs: number;
  last: number;
  kept: StoredSequence[];
}

export function createStreams(): Streams {
  const sets = new Map<string, Stream>();
  let clockMs = 1_700_000_000_000;
  let entries = 0;

  const read = {
    queue: async (name: string) =>
      name === 'queue' ? { queue: Queue.create({ name, priorityFactor: 1 }), version: 1 } : undefined,
    jobSet: async (queue: string, jobSet: string): Promise<JobSetInfo | undefined> => {
      const stream = sets.get(jobSet);
      if (!stream) return undefined;
      const { createdMs: streamCreatedMs, last: lastNumber } = stream;
      const firstNumber = stream.kept[0]?.number ?? lastNumber + 1;
      return { queue, jobSet, streamCreatedMs, lastNumber, firstNumber, queued: 0, leased: 0 };
    },
    stream: async (_queue: string, jobSet: string, after: number, maxBytes: number) => {
      streams.reads.stream++;
      await Promise.resolve();
      if (streams.fault) throw streams.fault;
      const page: StoredSequence[] = [];
      let bytes = 0;
      for (const stored of sets.get(jobSet)?.kept ?? []) {
        if (stored.number <= after) continue;
        bytes += StoredSequence.encode(stored).finish().length;
        if (page.length > 0 && bytes > maxBytes) break;
        page.push(stored);
      }
      return page;
    },
    encodedSpecs: async (jobIds: readonly string[]) => {
      streams.reads.specs++;
      return new Map(
        jobIds.flatMap((id) => {
          const spec = streams.specs.get(id);
          return spec ? [[id, SubmitJob.encode(spec).finish()] as const] : [];
        }),
      );
    },
  };

  const streams: Streams = {
    store: { read } as unknown as Store,
    specs: new Map(),
    reads: { stream: 0, specs: 0 },
    fault: undefined,
    append(jobSet, events) {
      const stream = sets.get(jobSet) ?? { createdMs: clockMs++, last: 0, kept: [] };
      sets.set(jobSet, stream);
      const sequence = EventSequence.fromPartial({
        queue: 'queue',
        jobSetName: jobSet,
        userId: 'ann',
        events: events.map((event) => ({ event, created: { seconds: 1n, nanos: 0 } })),
      });
      const stored = { jobSet, number: ++stream.last, streamCreatedMs: stream.createdMs, events: sequence };
      stream.kept.push(stored);
      return LogEntryMessage.fromPartial({ queue: 'queue', number: ++entries, sequences: [stored] });
    },
    trim(jobSet, number) {
      const stream = sets.get(jobSet);
      if (stream) stream.kept = stream.kept.filter((stored) => stored.number > number);
    },
    remove: (jobSet) => void sets.delete(jobSet),
  };
  return streams;
}
