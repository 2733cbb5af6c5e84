import type { JobSetEvent } from '@armada-ts/client/events';
import type { DescribeJobResponse, ListedJob } from '@armada-ts/client/job-list';
import type { Queue } from '@armada-ts/api/api/queue';

/** One line of `armadactl watch`. */
export interface WatchedEvent {
  event: JobSetEvent;
  /** How many jobs of the set are in each state, in the order of a job's life; states without jobs are left out. */
  counts: readonly (readonly [state: string, jobs: number])[];
}

export interface ContextEntry {
  name: string;
  address: string;
  isCurrent: boolean;
}

/**
 * Where results go. Commands say what happened, an implementation decides how
 * it looks. Results go to standard output, everything that is about the command
 * itself to standard error, so that pipes see results only.
 */
export interface Output {
  /** Something was done, in a sentence. */
  done(sentence: string): void;
  queues(queues: readonly Queue[]): Promise<void>;
  jobs(jobs: readonly ListedJob[]): Promise<void>;
  job(description: DescribeJobResponse): Promise<void>;
  submitted(job: { jobId: string; jobSetId: string }): void;
  event(watched: WatchedEvent): void;
  contexts(contexts: readonly ContextEntry[]): void;
  /** A single value, for scripts. */
  value(text: string): void;
  /** Bytes as they are; settles when the reader has taken them in. */
  bytes(data: Uint8Array): Promise<void>;
  /** For a person, and not part of the result. */
  notice(text: string): void;
  /** The command line is wrong, in the words of its parser, lines and all. */
  usage(text: string): void;
  error(message: string, details: readonly string[]): void;
}
