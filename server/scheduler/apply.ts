/**
 * Taking over what the store says: all live jobs at a start, and from there on
 * the entries of the log. Jobs come packed. Most are queued and nothing was ever
 * asked of them: these are put into the columns straight out of their bytes,
 * without a record being made.
 */
import { createFieldCursor, type FieldCursor, nextField, numberIn } from '@armada-ts/api/encoded/fields';
import { Queue } from '@armada-ts/api/api/queue';
import {
  Control_Kind,
  type JobRecord,
  type LogEntry,
  type SchedulingClass,
} from '@armada-ts/api/armada/store/v1/store';
import { partitionOfSlot, slotOfQueue } from '../model/ids.ts';
import {
  eachPackedJob,
  idOfPacked,
  type PackedJob,
  type PackedJobs,
  unpackJob,
} from '../store/packed-jobs.ts';
import type { ActivePage, TailEntry } from '../store/store.ts';
import { addKeyedJob, findJob, Flag, setOf } from './jobs.ts';
import { keepOwnPart } from './kept-records.ts';
import { ensureQueue, setQueue } from './queues.ts';
import type { JobClass } from './round/classes.ts';
import { applyJob, classFor, landJob, type State } from './state.ts';

export type LoadedPage = Pick<ActivePage, 'jobs' | 'classes' | 'operations'>;

/** Takes over live jobs as the store has them, at start. */
export function applyPage(state: State, { jobs, classes, operations }: LoadedPage): void {
  for (const source of classes) learnClass(state, source);
  applyPacked(state, jobs, () => true);
  for (const operation of operations) {
    // A newer one comes by the log, after the jobs that it means: the page may have been too early for those.
    if (operation.openedAtNumber <= headOf(state, operation.queue)) {
      state.operations.set(operation.id, operation);
    }
  }
}

/** Takes over what a log entry says. Applying it again changes nothing. */
export function applyEntry(state: State, entry: TailEntry): void {
  for (const source of entry.classes) learnClass(state, source);
  // A job that is not known and not created here has ended: the page it was missing from was newer.
  if (entry.packed) applyPacked(state, entry.packed, ({ submitted }) => submitted === entry.number);
  else applyRecords(state, entry);
  for (const { id } of entry.classes) {
    if (state.needs.get(id)?.jobs === 0) state.needs.delete(id);
  }
  for (const operation of entry.opened) state.operations.set(operation.id, operation);
  for (const id of entry.closed) state.operations.delete(id);
  const { control } = entry;
  if (control?.kind === Control_Kind.KIND_QUEUE && control.record) {
    setQueue(state.queues, Queue.decode(control.record));
    state.isRoundDue = true;
  }
  const before = state.positions.get(entry.partition) ?? 0;
  if (entry.number > before) state.positions.set(entry.partition, entry.number);
}

/** The jobs of an entry as records: decisions of this scheduler come back like that. */
function applyRecords(state: State, entry: LogEntry): void {
  let created: ReadonlySet<string> | undefined;
  for (const stored of entry.jobs) {
    const id = stored.record?.jobId ?? '';
    if (findJob(state.jobs, id) === -1) {
      created ??= createdJobs(entry);
      if (!created.has(id)) continue;
    }
    applyJob(state, { ...stored, submittedNumber: entry.number });
  }
}

function createdJobs(entry: LogEntry): Set<string> {
  const ids = new Set<string>();
  for (const { events } of entry.sequences) {
    for (const { event } of events?.events ?? []) {
      if (event?.$case === 'submitJob') ids.add(event.value.jobId);
    }
  }
  return ids;
}

/** @param mayBeNew whether the job may be one that is not known here */
function applyPacked(state: State, jobs: PackedJobs, mayBeNew: (job: PackedJob) => boolean): void {
  const places = jobs.commons.map((common): Places => ({ common }));
  eachPackedJob(jobs, (job) => {
    const isNew = mayBeNew(job);
    const place = places[job.common];
    const plain = isNew ? plainPart(job) : undefined;
    if (place && plain && addQueued(state, job, plain, place)) return;
    if (!isNew && findJob(state.jobs, idOfPacked(job)) === -1) return;
    applyJob(state, unpackJob(jobs, job), job.bytes.subarray(job.from, job.end));
  });
}

function learnClass(state: State, source: SchedulingClass): void {
  if (!state.needs.has(source.id)) state.needs.set(source.id, { source, jobs: 0 });
}

/** Number of the last entry applied in the queue's partition. */
function headOf({ positions }: State, queue: string): number {
  return positions.get(partitionOfSlot(slotOfQueue(queue), positions.size)) ?? 0;
}

/** Where jobs go that have as much in common; found with the first of them. */
interface Places {
  common: JobRecord;
  found?: { made: JobClass; needs: { jobs: number }; queue: number; set: number; kept: number };
}

/** What differs between jobs of which nothing but waiting is to be told. */
interface PlainPart {
  priority: number;
  submittedAtMs: number;
  /** What kept records keep, see there. */
  ownFrom: number;
}

/** Numbers of the fields of JobRecord that such a job may have, in the order in which they are encoded. */
const FIELD = { priority: 8, submittedAtMs: 12, changedAtMs: 13, externalJobUri: 18, gang: 19, clientId: 22 };
const KEPT_AS_THEY_ARE = new Set([FIELD.externalJobUri, FIELD.gang, FIELD.clientId]);
/** Tag and value. */
const DOUBLE_FIELD_BYTES = 9;

/** Undefined for a job that has a state, a run or a request of its own, or anything else that must be looked at. */
function plainPart({ bytes, from, end }: PackedJob): PlainPart | undefined {
  const cursor = createFieldCursor(bytes, from, end);
  if (!nextField(cursor)) return undefined;
  let priority = 0;
  if (cursor.number === FIELD.priority) {
    priority = numberIn(cursor);
    nextField(cursor);
  }
  if (cursor.number !== FIELD.submittedAtMs) return undefined;
  const submittedAt = cursor.content;
  if (!nextField(cursor) || cursor.number !== FIELD.changedAtMs) return undefined;
  const submittedAtMs = bytes.readDoubleLE(submittedAt);
  if (bytes.readDoubleLE(cursor.content) !== submittedAtMs) return undefined;
  const ownFrom = submittedAt - 1 + 2 * DOUBLE_FIELD_BYTES;
  return isKept(cursor) ? { priority, submittedAtMs, ownFrom } : undefined;
}

/** Whether all that follows is kept as it is. */
function isKept(cursor: FieldCursor): boolean {
  while (nextField(cursor)) if (!KEPT_AS_THEY_ARE.has(cursor.number)) return false;
  return cursor.at === cursor.end;
}

/** Adds a queued job; false when there is one already. */
function addQueued(
  state: State,
  { bytes, keyAt, version, submitted, end }: PackedJob,
  { priority, submittedAtMs, ownFrom }: PlainPart,
  places: Places,
): boolean {
  const { jobs } = state;
  const { common } = places;
  const set = places.found?.set ?? setOf(jobs, common);
  const job = addKeyedJob(jobs, bytes, keyAt, set);
  if (job === -1) return false;
  const kept = keepOwnPart(jobs.kept, job, bytes.subarray(ownFrom, end), common, places.found?.kept);
  places.found ??= {
    ...classFor(state, common.schedulingClass, []),
    queue: ensureQueue(state.queues, common.queue),
    set,
    kept,
  };
  const { made, needs, queue } = places.found;
  made.jobs++;
  needs.jobs++;
  jobs.queue[job] = queue;
  jobs.classIndex[job] = made.index;
  jobs.version[job] = version;
  jobs.submittedNumber[job] = submitted === 0 ? Number.NaN : submitted;
  jobs.priority[job] = priority;
  jobs.submittedAtMs[job] = submittedAtMs;
  jobs.flags[job] = Flag.QUEUED;
  landJob(state, job);
  return true;
}
