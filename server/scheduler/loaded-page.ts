/**
 * What the store had when the scheduler was loaded. Nearly all of a million jobs
 * are queued and nothing was ever asked of them: these are put into the columns
 * straight out of their bytes, without a record being made. All others are taken
 * over as the log's are.
 */
import { createFieldCursor, type FieldCursor, nextField, numberIn } from '@armada-ts/api/encoded/fields';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { partitionOfSlot, slotOfQueue } from '../model/ids.ts';
import { eachPackedJob, type PackedJob, unpackJob } from '../store/packed-jobs.ts';
import type { ActivePage } from '../store/store.ts';
import { addKeyedJob, Flag, setOf } from './jobs.ts';
import { keepOwnPart } from './kept-records.ts';
import { ensureQueue } from './queues.ts';
import type { JobClass } from './round/classes.ts';
import { applyJob, classFor, landJob, learnClass, type State } from './state.ts';

export type LoadedPage = Pick<ActivePage, 'jobs' | 'classes' | 'operations'>;

/** Takes over live jobs as the store has them, at start. */
export function applyPage(state: State, { jobs, classes, operations }: LoadedPage): void {
  for (const source of classes) learnClass(state, source);
  const places = jobs.commons.map((common): Places => ({ common }));
  eachPackedJob(jobs, (job) => {
    const place = places[job.common];
    const plain = plainPart(job);
    if (place && plain && addQueued(state, job, plain, place)) return;
    applyJob(state, unpackJob(jobs, job));
  });
  for (const operation of operations) {
    // A newer one comes by the log, after the jobs that it means: the page may have been too early for those.
    if (operation.openedAtNumber <= headOf(state, operation.queue)) {
      state.operations.set(operation.id, operation);
    }
  }
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
