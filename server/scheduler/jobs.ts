/**
 * The live jobs as columns, so that a million of them is a few large arrays.
 * The record itself is kept encoded and read only when something is decided
 * about its job. Jobs of a set are chained, for set-wide operations.
 */
import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { growBytes, growFloats, growInts } from './round/columns.ts';
import type { JobOrder } from './round/waiting.ts';
import { type Slab, createSlab, dropBytes, keepBytes, readBytes } from './slab.ts';

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
  readonly byId: Map<string, number>;
  readonly unused: number[];
  /** Number of the log entry that made the record. */
  version: Float64Array;
  /** Number of the log entry that created the job; NaN when the store did not say. */
  submittedNumber: Float64Array;
  queue: Int32Array;
  classIndex: Int32Array;
  flags: Uint8Array;
  /** Handle of the encoded record; undefined beyond the last job. */
  record: Int32Array;
  readonly slab: Slab;
  /** Chain of the jobs of a set; -1 at its ends. */
  next: Int32Array;
  previous: Int32Array;
  set: Int32Array;
  readonly sets: JobSets;
}

interface JobSets {
  readonly byKey: Map<string, number>;
  readonly keys: string[];
  /** Newest job of the set. */
  readonly head: number[];
  readonly unused: number[];
}

export function createJobs(): Jobs {
  return {
    ids: [],
    byId: new Map(),
    unused: [],
    priority: new Float64Array(0),
    submittedAtMs: new Float64Array(0),
    version: new Float64Array(0),
    submittedNumber: new Float64Array(0),
    queue: new Int32Array(0),
    classIndex: new Int32Array(0),
    flags: new Uint8Array(0),
    record: new Int32Array(0),
    slab: createSlab(),
    next: new Int32Array(0),
    previous: new Int32Array(0),
    set: new Int32Array(0),
    sets: { byKey: new Map(), keys: [], head: [], unused: [] },
  };
}

/** Adds a job; its record and columns are set by setRecord. */
export function addJob(jobs: Jobs, id: string, set: { queue: string; jobSet: string }): number {
  const job = jobs.unused.pop() ?? jobs.ids.length;
  const length = job + 1;
  jobs.priority = growFloats(jobs.priority, length);
  jobs.submittedAtMs = growFloats(jobs.submittedAtMs, length);
  jobs.version = growFloats(jobs.version, length);
  jobs.submittedNumber = growFloats(jobs.submittedNumber, length);
  jobs.queue = growInts(jobs.queue, length);
  jobs.classIndex = growInts(jobs.classIndex, length);
  jobs.flags = growBytes(jobs.flags, length);
  jobs.record = growInts(jobs.record, length);
  jobs.next = growInts(jobs.next, length);
  jobs.previous = growInts(jobs.previous, length);
  jobs.set = growInts(jobs.set, length);
  jobs.ids[job] = id;
  jobs.byId.set(id, job);
  jobs.flags[job] = 0;
  jobs.classIndex[job] = -1;
  jobs.record[job] = NO_RECORD;
  chain(jobs, job, setKey(set.queue, set.jobSet));
  return job;
}

/** Keeps the job's record and what of it the columns need. */
export function setRecord(jobs: Jobs, job: number, record: JobRecord, version: number): void {
  const old = jobs.record[job] ?? NO_RECORD;
  if (old !== NO_RECORD) dropBytes(jobs.slab, old);
  jobs.record[job] = keepBytes(jobs.slab, JobRecord.encode(record).finish());
  jobs.version[job] = version;
  jobs.priority[job] = record.priority;
  jobs.submittedAtMs[job] = record.submittedAtMs;
}

export function recordOf(jobs: Jobs, job: number): JobRecord {
  return JobRecord.decode(readBytes(jobs.slab, jobs.record[job] ?? NO_RECORD));
}

export function removeJob(jobs: Jobs, job: number): void {
  const handle = jobs.record[job] ?? NO_RECORD;
  if (handle !== NO_RECORD) dropBytes(jobs.slab, handle);
  unchain(jobs, job);
  jobs.byId.delete(jobs.ids[job] ?? '');
  jobs.ids[job] = '';
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

/** No handle of a slab has this value. */
const NO_RECORD = -(2 ** 31);

function setKey(queue: string, jobSet: string): string {
  return `${queue}\0${jobSet}`;
}

function chain(jobs: Jobs, job: number, key: string): void {
  const { sets } = jobs;
  let set = sets.byKey.get(key);
  if (set === undefined) {
    set = sets.unused.pop() ?? sets.keys.length;
    sets.byKey.set(key, set);
    sets.keys[set] = key;
    sets.head[set] = -1;
  }
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
  if (sets.head[set] !== -1) return;
  sets.byKey.delete(sets.keys[set] ?? '');
  sets.unused.push(set);
}
