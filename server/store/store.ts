/**
 * The store: the only place where anything is kept, behind one port with two
 * first-class engines (sqlite/, later redis/) that pass one conformance suite
 * (test/store/).
 *
 * Every queue belongs to one partition (by its slot, see model/ids.ts). A
 * partition has a log whose entries are numbered without gaps from 1; the
 * number of the entry that last changed a record is that record's version.
 * Appending is atomic: events, records, claims, counters and log entry are
 * written together or not at all, and the promise resolves only when the
 * configured acknowledgement level is reached.
 *
 * Who may write what is decided by numbers: a change to an existing job carries
 * the version it was derived from, and a leader's batch carries its term.
 */
import type {
  Batch,
  Control,
  Control_Kind,
  ExecutorRecord,
  ExecutorSettings,
  JobRecord,
  LogEntry,
  Operation,
  SchedulingClass,
  StoredJob,
  StoredSequence,
} from '@armada-ts/api/armada/store/v1/store';
import type { JobState } from '@armada-ts/api/api/job';
import type { Queue } from '@armada-ts/api/api/queue';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { PackedJobs } from './packed-jobs.ts';
import type { Servers } from './servers.ts';

/**
 * What an answered append survives: `local` the death of the server process,
 * `synced` power loss, `replicated` the loss of any one node.
 */
export type AcknowledgementLevel = 'local' | 'synced' | 'replicated';

/** Facts that hold while the store is open. */
export interface StoreInfo {
  /** Engine and place without secrets, for people: `sqlite /var/lib/armada`. */
  readonly name: string;
  /** Fixed when the store is made. */
  readonly partitions: number;
  readonly acknowledgement: AcknowledgementLevel;
  /** Raised when data was lost; no stream created earlier reuses a message id. Milliseconds. */
  readonly epochMs: number;
  /** What people should know of it just now, a sentence each; empty when all is as it should be. */
  readonly notices: readonly string[];
}

/** What became of a batch. Every outcome but `applied` has changed nothing. */
export type AppendResult =
  /** The batch is in, as this log entry. */
  | { outcome: 'applied'; entry: LogEntry }
  /** The first submitted job is there already: this very batch was applied before. */
  | { outcome: 'repeated' }
  /** Some changed jobs have moved on; these are their records now (a purged one is left out). Derive again. */
  | { outcome: 'stale'; current: StoredJob[] }
  /** Some client ids are taken; derive again without those items, or refuse. */
  | { outcome: 'claimed'; claims: Claim[] }
  /** Submitting to a queue that does not exist. */
  | { outcome: 'no-queue' }
  /** A later leader has sealed the partition. */
  | { outcome: 'sealed'; term: number };

/** A client id that stands for a job, kept as long as that job's record. */
export interface Claim {
  clientId: string;
  jobId: string;
  hash: Uint8Array;
}

/** A change to a queue, an executor or its settings, or to keys. */
export interface ControlChange {
  kind: Control['kind'];
  name: string;
  /** Version it was derived from, 0 for "must not exist"; left out for "whatever it is". */
  expectedVersion?: number;
  /** Encoded record, or null to delete. */
  record: Uint8Array | null;
}

export type ControlResult =
  | { outcome: 'applied'; version: number }
  /** It is not at the expected version; `current` is what there is, if anything. */
  | { outcome: 'stale'; current: StoredControl | undefined }
  /** A queue with live jobs cannot be deleted. */
  | { outcome: 'not-empty'; liveJobs: number };

/** Kinds of records that tell who is let in. */
export type KeyKind = typeof Control_Kind.KIND_ACCESS_KEYS | typeof Control_Kind.KIND_KEYRING;

/** A control record with its version. */
export interface StoredControl {
  name: string;
  record: Uint8Array;
  version: number;
}

export interface StoredQueue {
  queue: Queue;
  version: number;
}

/** A job set that has, or had, events. */
export interface JobSetInfo {
  queue: string;
  jobSet: string;
  /** First part of its message ids. */
  streamCreatedMs: number;
  /** Number of its newest sequence. */
  lastNumber: number;
  /** Lowest number still kept; lastNumber + 1 when all are trimmed. */
  firstNumber: number;
  /** Live jobs without a run, and with one. */
  queued: number;
  leased: number;
}

/** Some of a job set's jobs. */
export interface JobSetPart {
  /** Only jobs in these states; empty for all. */
  states: readonly JobState[];
  /** Only jobs after this id; '' to begin. */
  afterId: string;
  limit: number;
}

/** Everything a new leader must know, part by part. */
export interface ActivePage {
  jobs: PackedJobs;
  classes: SchedulingClass[];
  operations: Operation[];
  /** Ask again with this; undefined after the last page. */
  next: string | undefined;
}

/** Where in the log a reader is: for each partition the number of the last entry it has applied. */
export type Positions = readonly number[];

/** A log entry, perhaps with its jobs as they were packed when it was appended. */
export interface TailEntry extends LogEntry {
  packed?: PackedJobs;
}

/** What a follower of the log receives. */
export type TailItem =
  | { kind: 'entries'; entries: TailEntry[] }
  /** The log no longer reaches back to where the reader was; it must load again and follow from these heads. */
  | { kind: 'fell-off' };

/** Ages and sizes at which old data goes. */
export interface Retention {
  /** Events are kept this long, and always from the submit of the oldest live job of the set on. */
  eventsMs: number;
  /** A finished job's record is kept this long after its end, and as long as its events. */
  recordsMs: number;
  /** The partition log is only a feed: entries leave it at this age, */
  logMs: number;
  /** and the oldest as soon as it has more bytes than this, see log-share.ts. */
  logBytes: number;
}

/** A server that wants to lead. */
export interface Candidate {
  serverId: string;
  /** The last term that it has seen, 0 for none. */
  after: number;
}

/** A term, and the heads of all partitions when they were sealed with it. */
export interface Lead {
  term: number;
  heads: Positions;
}

export interface Store {
  readonly info: StoreInfo;
  readonly read: StoreReader;
  readonly servers: Servers;

  /**
   * Applies one batch, atomically. Appending the same batch again is harmless. Throws UNAVAILABLE when the outcome is unknown.
   * @param encoded the same batch, where the caller has it: an engine that needs it so is spared encoding it again
   */
  append(batch: Batch, encoded?: Uint8Array): Promise<AppendResult>;

  /** Changes one control record, atomically, with an entry in the log of its partition. */
  control(change: ControlChange): Promise<ControlResult>;

  /**
   * Takes the next term and seals every partition with it; batches of earlier terms are refused from then on.
   * Undefined, and nothing is taken, when the last term is another than the caller has seen.
   */
  lead(candidate: Candidate): Promise<Lead | undefined>;

  /** Number of the newest entry of every partition. */
  heads(): Promise<Positions>;

  /**
   * Follows the log after `from`: every entry once, in order within its
   * partition. Waits for more until the signal aborts. Entries are in the
   * tail no later than the append that made them resolves.
   */
  tail(from: Positions, signal: AbortSignal): AsyncIterable<TailItem>;

  /** Removes a bounded step of what is older than allowed; true when there may be more. */
  trim(now: number, retention: Retention): Promise<boolean>;

  /** Rejects when the engine has stopped for good, and only a new start can help. */
  readonly failed: Promise<never>;

  /** Waits for what was accepted, then lets go of everything. */
  close(): Promise<void>;
}

/** Reads see everything whose append has resolved. Answers keep the order of the question and leave out what is not there. */
export interface StoreReader {
  /** Job records by id. */
  jobs(jobIds: readonly string[]): Promise<StoredJob[]>;

  /** Job records by run id, of current and earlier runs. */
  jobsOfRuns(runIds: readonly string[]): Promise<Map<string, StoredJob>>;

  /** Full specs by job id. */
  specs(jobIds: readonly string[]): Promise<Map<string, SubmitJob>>;

  /** The same as they are kept: encoded armadaevents.SubmitJobs. */
  encodedSpecs(jobIds: readonly string[]): Promise<Map<string, Uint8Array>>;

  claims(queue: string, clientIds: readonly string[]): Promise<Claim[]>;

  queue(name: string): Promise<StoredQueue | undefined>;

  /** All queues by name. */
  queues(): Promise<StoredQueue[]>;

  /** Names of the queues with live jobs, in order. */
  activeQueues(): Promise<string[]>;

  /** All executors ever seen and not removed. */
  executors(): Promise<ExecutorRecord[]>;

  /** Settings of executors, seen or not. */
  executorSettings(): Promise<ExecutorSettings[]>;

  /** Records of access keys, or of the keyring, as they are kept, by name. */
  controls(kind: KeyKind): Promise<StoredControl[]>;

  jobSet(queue: string, jobSet: string): Promise<JobSetInfo | undefined>;

  /** Job sets of a queue with live jobs, by name. */
  activeJobSets(queue: string): Promise<JobSetInfo[]>;

  /** Sequences of a job set after number `after`, in order, up to about `maxBytes` (at least one). Specs are left out of submit events. */
  stream(queue: string, jobSet: string, after: number, maxBytes: number): Promise<StoredSequence[]>;

  /** Ids of the live jobs of a job set after `afterId`, rising. */
  liveJobIds(queue: string, jobSet: string, afterId: string, limit: number): Promise<string[]>;

  /** Names of a queue's job sets that have job records, in order, from `from` on, that one included. */
  jobSetNames(queue: string, from: string, limit: number): Promise<string[]>;

  /** Records of a job set by rising id, live or ended. */
  jobsOfSet(queue: string, jobSet: string, part: JobSetPart): Promise<StoredJob[]>;

  /** The jobs of a job set that were submitted with this external URI, by rising id. */
  jobsByExternalUri(queue: string, jobSet: string, uri: string): Promise<StoredJob[]>;

  /** Live jobs with their classes and the number of the entry that made each, and open operations; `cursor` is '' at first. Read the heads before the first page. */
  active(cursor: string): Promise<ActivePage>;
}

export type { Batch, JobRecord, LogEntry, Operation, SchedulingClass, StoredJob, StoredSequence };
