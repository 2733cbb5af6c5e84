/**
 * Moving house: everything in a store, taken out of one engine and put into
 * another, or another of the same kind. What comes out is the same whichever
 * engine it was in, so either end can be any of them.
 *
 * Kept are all numbers that anybody outside may remember: versions, log heads,
 * terms, the epoch, places in streams and their beginnings. So a watcher goes on
 * from an id of before, a repeated submit finds its job, and no number is given
 * out twice. The log itself stays behind: it is a feed, and whoever follows it
 * begins by loading.
 */
import type { JobRecord, Operation } from '@armada-ts/api/armada/store/v1/store';
import { placeOfJob } from '../model/ids.ts';
import type { PageLimits } from './pages.ts';
import type { ControlChange, StoredControl, StoreReader } from './store.ts';

/** A store that is not in use, to be read whole. Opening it changes nothing in it. */
export interface Export {
  /** Engine and place without secrets, for people. */
  readonly name: string;
  readonly numbers: StoreNumbers;
  readonly read: StoreReader;
  /** Everything, in parts of about a megabyte. A job set comes before its jobs. */
  parts(): AsyncIterable<Part>;
  /** Throws UNAVAILABLE when it was written to since it was opened. */
  unchanged(): Promise<void>;
  close(): Promise<void>;
}

/** A place for a store, to be filled. Until it is complete no server starts on it. */
export interface Import {
  readonly name: string;
  /** Makes an incomplete store here. What an import that was broken off has left is removed. */
  begin(numbers: StoreNumbers): Promise<void>;
  /** Takes a part of the store. May resolve before it is written. */
  put(part: Part): Promise<void>;
  /** Waits until all parts are written; what there is now, to be checked. */
  written(): Promise<Export>;
  /** From now on it is a store like any other. */
  complete(): Promise<void>;
  close(): Promise<void>;
}

/** The numbers of a store as a whole. */
export interface StoreNumbers {
  epochMs: number;
  /** By partition. */
  logs: readonly LogNumbers[];
}

export interface LogNumbers {
  head: number;
  term: number;
  /** Newest beginning of a stream that is gone: no later one may begin as early. */
  removedStreamMs: number;
}

export type Part =
  | { kind: 'controls'; controls: readonly CopiedControl[] }
  | { kind: 'operations'; operations: readonly Operation[] }
  | StreamPart
  | { kind: 'jobs'; jobs: readonly CopiedJob[] };

export interface CopiedControl extends StoredControl {
  kind: ControlChange['kind'];
}

/** A job set with its stream, or more of the stream of one that has begun. */
export interface StreamPart {
  kind: 'stream';
  jobSet: CopiedJobSet;
  /** Whether this is the first part of it. */
  isFirst: boolean;
  /** By rising number. */
  births: readonly Birth[];
  /** By rising number, without gaps. */
  sequences: readonly CopiedSequence[];
}

export interface CopiedJobSet {
  queue: string;
  name: string;
  /** As its message ids show it. */
  streamCreatedMs: number;
  firstNumber: number;
  lastNumber: number;
  /** When its oldest sequence was appended; undefined when it has none. */
  oldestMs: number | undefined;
  queued: number;
  leased: number;
  /** Jobs whose records are kept. */
  jobs: number;
}

/** How many live jobs one sequence submitted. */
export interface Birth {
  number: number;
  live: number;
}

export interface CopiedSequence {
  number: number;
  atMs: number;
  /** As both engines keep it: see entries.ts. */
  bytes: Uint8Array;
}

/**
 * A job with all that is kept with it. Jobs come in rising order of ids within
 * their hundred: the jobs of one request with the same index but for the last
 * two digits. A hundred is never spread over parts.
 */
export interface CopiedJob {
  record: JobRecord;
  version: number;
  submittedNumber: number;
  /** Numbers in the stream: of what submitted it, and of its newest event. */
  born: number;
  last: number;
  spec: Uint8Array;
  /** Of its client id; empty without one. */
  claimHash: Uint8Array;
  /** Encoded; undefined when the record has none. */
  schedulingClass: Uint8Array | undefined;
}

/** What one part holds, about. */
export const PART_LIMITS: PageLimits = { count: 1000, bytes: 512 * 1024 };
/** The same for streams, whose sequences may be very small. */
export const STREAM_LIMITS: PageLimits = { count: 4096, bytes: 512 * 1024 };

/** Name of the hundred that a job is of. */
export function hundredOf(jobId: string): string {
  const { prefix, index, slot } = placeOfJob(jobId);
  return `${prefix}/${slot}/${Math.floor(index / 100)}`;
}
