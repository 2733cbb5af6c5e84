/**
 * The live jobs as columns, so that a million of them is a few large arrays.
 * The record itself is kept encoded and read only when something is decided
 * about its job. Jobs of a set are chained, for set-wide operations.
 */
import type { JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import {
  type IdIndex,
  addId,
  addKey,
  createIdIndex,
  findId,
  idAt,
  isIdBefore,
  removeId,
} from './id-index.ts';
import { type KeptRecords, createKeptRecords, dropRecord, keepRecord, keptRecord } from './kept-records.ts';
import { growBytes, growFloats, growInts } from './round/columns.ts';
import type { JobOrder } from './round/waiting.ts';

/** Bits of a job's flags. */
export const Flag = {
  /** Its record says queued. */
  QUEUED: 1,
  /** A decision about it is on its way to the store: nothing else is decided until that is settled. */
  IN_FLIGHT: 2,
  /** Something follows from its record (decide.ts). */
  DUE: 4,
} as const;

export interface Jobs extends JobOrder {
  readonly index: IdIndex;
  readonly unused: number[];
  /** Columns are in use up to here. */
  length: number;
  /** Number of the log entry that made the record. */
  version: Float64Array;
  /** Number of the log entry that created the job; NaN when the store did not say. */
  submittedNumber: Float64Array;
  queue: Int32Array;
  classIndex: Int32Array;
  flags: Uint8Array;
  readonly kept: KeptRecords;
  /** Chain of the jobs of a set; -1 at its ends. */
  next: Int32Array;
  previous: Int32Array;
  /** -1 where there is no job. */
  set: Int32Array;
  readonly sets: JobSets;
}

type SetName = Pick<JobRecord, 'queue' | 'jobSet'>;

interface JobSets {
  readonly byKey: Map<string, number>;
  readonly names: SetName[];
  /** Newest job of the set. */
  readonly head: number[];
  readonly unused: number[];
}

export function createJobs(): Jobs {
  const index = createIdIndex();
  return {
    isIdBefore: (a, b) => isIdBefore(index, a, b),
    index,
    unused: [],
    length: 0,
    priority: new Float64Array(0),
    submittedAtMs: new Float64Array(0),
    version: new Float64Array(0),
    submittedNumber: new Float64Array(0),
    queue: new Int32Array(0),
    classIndex: new Int32Array(0),
    flags: new Uint8Array(0),
    kept: createKeptRecords(),
    next: new Int32Array(0),
    previous: new Int32Array(0),
    set: new Int32Array(0),
    sets: { byKey: new Map(), names: [], head: [], unused: [] },
  };
}

/** Adds a job; its record and columns are set by setRecord. */
export function addJob(jobs: Jobs, id: string, set: SetName): number {
  const job = nextJob(jobs);
  addId(jobs.index, job, id);
  occupy(jobs, job, setOf(jobs, set));
  return job;
}

/**
 * The same of a job whose key lies there, to a set by its index; -1 when there is
 * such a job already.
 */
export function addKeyedJob(jobs: Jobs, bytes: Uint8Array, keyAt: number, set: number): number {
  const job = nextJob(jobs);
  if (addKey(jobs.index, job, bytes, keyAt) !== -1) return -1;
  occupy(jobs, job, set);
  return job;
}

/** Takes a row in use, which nextJob has told. */
function occupy(jobs: Jobs, job: number, set: number): void {
  if (jobs.unused.length > 0) jobs.unused.pop();
  else jobs.length++;
  const length = job + 1;
  jobs.priority = growFloats(jobs.priority, length);
  jobs.submittedAtMs = growFloats(jobs.submittedAtMs, length);
  jobs.version = growFloats(jobs.version, length);
  jobs.submittedNumber = growFloats(jobs.submittedNumber, length);
  jobs.queue = growInts(jobs.queue, length);
  jobs.classIndex = growInts(jobs.classIndex, length);
  jobs.flags = growBytes(jobs.flags, length);
  jobs.next = growInts(jobs.next, length);
  jobs.previous = growInts(jobs.previous, length);
  jobs.set = growInts(jobs.set, length);
  jobs.flags[job] = 0;
  jobs.classIndex[job] = -1;
  chain(jobs, job, set);
}

function nextJob({ unused, length }: Jobs): number {
  return unused.at(-1) ?? length;
}

/** Keeps the job's record and what of it the columns need. */
export function setRecord(jobs: Jobs, job: number, { record, version }: StoredJob, own?: Uint8Array): void {
  if (record === undefined) return;
  keepRecord(jobs.kept, job, record, own);
  jobs.version[job] = version;
  jobs.priority[job] = record.priority;
  jobs.submittedAtMs[job] = record.submittedAtMs;
}

export function recordOf(jobs: Jobs, job: number): JobRecord {
  const name = jobs.sets.names[jobs.set[job] ?? -1];
  return keptRecord(jobs.kept, job, {
    jobId: idOf(jobs, job),
    queue: name?.queue ?? '',
    jobSet: name?.jobSet ?? '',
    priority: jobs.priority[job] ?? 0,
    submittedAtMs: jobs.submittedAtMs[job] ?? 0,
  });
}

/** The live job of this id, or -1. */
export function findJob(jobs: Jobs, id: string): number {
  return findId(jobs.index, id);
}

export function idOf(jobs: Jobs, job: number): string {
  return idAt(jobs.index, job);
}

/** How many jobs are live. */
export function countJobs(jobs: Jobs): number {
  return jobs.index.size;
}

export function removeJob(jobs: Jobs, job: number): void {
  dropRecord(jobs.kept, job);
  unchain(jobs, job);
  removeId(jobs.index, job);
  jobs.flags[job] = 0;
  jobs.unused.push(job);
}

export function hasFlag(jobs: Jobs, job: number, flag: number): boolean {
  return ((jobs.flags[job] ?? 0) & flag) !== 0;
}

export function setFlag(jobs: Jobs, job: number, flag: number, isOn: boolean): void {
  const flags = jobs.flags[job] ?? 0;
  jobs.flags[job] = isOn ? flags | flag : flags & ~flag;
}

/** The live jobs of a set, in no order that means anything. */
export function jobsOfSet(jobs: Jobs, queue: string, jobSet: string): number[] {
  const found: number[] = [];
  const set = jobs.sets.byKey.get(setKey(queue, jobSet));
  if (set === undefined) return found;
  for (let job = jobs.sets.head[set] ?? -1; job !== -1; job = jobs.next[job] ?? -1) found.push(job);
  return found;
}

/** The live jobs of a queue, by its index: looks at the column of all jobs. */
export function jobsOfQueue(jobs: Jobs, queue: number): number[] {
  const found: number[] = [];
  for (let job = 0; job < jobs.length; job++) {
    if (jobs.queue[job] === queue && jobs.set[job] !== -1) found.push(job);
  }
  return found;
}

function setKey(queue: string, jobSet: string): string {
  return `${queue}\0${jobSet}`;
}

/** Index of a job set; made at first sight. It is good until the next job is removed. */
export function setOf({ sets }: Jobs, { queue, jobSet }: SetName): number {
  const key = setKey(queue, jobSet);
  let set = sets.byKey.get(key);
  if (set === undefined) {
    set = sets.unused.pop() ?? sets.names.length;
    sets.byKey.set(key, set);
    sets.names[set] = { queue, jobSet };
    sets.head[set] = -1;
  }
  return set;
}

function chain(jobs: Jobs, job: number, set: number): void {
  const { sets } = jobs;
  const head = sets.head[set] ?? -1;
  jobs.set[job] = set;
  jobs.next[job] = head;
  jobs.previous[job] = -1;
  if (head !== -1) jobs.previous[head] = job;
  sets.head[set] = job;
}

function unchain(jobs: Jobs, job: number): void {
  const { sets } = jobs;
  const next = jobs.next[job] ?? -1;
  const previous = jobs.previous[job] ?? -1;
  const set = jobs.set[job] ?? -1;
  if (next !== -1) jobs.previous[next] = previous;
  if (previous !== -1) jobs.next[previous] = next;
  else sets.head[set] = next;
  jobs.set[job] = -1;
  if (sets.head[set] !== -1) return;
  const name = sets.names[set];
  if (name) sets.byKey.delete(setKey(name.queue, name.jobSet));
  sets.unused.push(set);
}
