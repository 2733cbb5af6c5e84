/** What the scheduler counts as it goes, for metrics. It outlives what the scheduler knows, which may be loaded anew. */
import type { Batch } from '@armada-ts/api/armada/store/v1/store';
import { boundedNames } from '../base/bounded-names.ts';
import { type Durations, noDurations } from '../base/durations.ts';

/** Upper bounds of the buckets of how long something took, in milliseconds. */
export const TOOK_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000] as const;

/** Queues that are told apart; those that come later share one name. */
export const MAX_QUEUES = 1000;

/** What was decided of a job, as it is counted. */
export type Decided = 'leased' | 'requeued' | 'succeeded' | 'failed' | 'cancelled' | 'preempted';

/** By queue, then by what the name says. */
type CountsByQueue<Key extends string> = Map<string, Map<Key, number>>;

export interface Tally {
  readonly rounds: Durations;
  readonly ticks: Durations;
  /** Jobs placed, by queue and priority class. */
  readonly scheduled: CountsByQueue<string>;
  /** Decisions that are in the log, by queue. */
  readonly decided: CountsByQueue<Decided>;
  readonly queueName: (name: string) => string;
}

export function createTally(): Tally {
  return {
    rounds: noDurations(TOOK_MS.length),
    ticks: noDurations(TOOK_MS.length),
    scheduled: new Map(),
    decided: new Map(),
    queueName: boundedNames(MAX_QUEUES),
  };
}

/** A job was placed. */
export function countScheduled(tally: Tally, queue: string, priorityClass: string): void {
  count(tally.scheduled, tally.queueName(queue), priorityClass);
}

const DECIDED: Readonly<Record<string, Decided>> = {
  jobRunLeased: 'leased',
  jobRequeued: 'requeued',
  jobSucceeded: 'succeeded',
  jobErrors: 'failed',
  cancelledJob: 'cancelled',
  jobRunPreempted: 'preempted',
};

/** A batch of decisions has been applied. */
export function countDecided(tally: Tally, { queue, sequences }: Batch): void {
  const name = tally.queueName(queue);
  for (const { events } of sequences) {
    for (const { event } of events) {
      const decided = event && DECIDED[event.$case];
      if (decided) count(tally.decided, name, decided);
    }
  }
}

function count<Key extends string>(counts: CountsByQueue<Key>, queue: string, key: Key): void {
  let ofQueue = counts.get(queue);
  if (ofQueue === undefined) counts.set(queue, (ofQueue = new Map()));
  ofQueue.set(key, (ofQueue.get(key) ?? 0) + 1);
}
