/**
 * The records of the live jobs, in two parts: what many jobs have in common
 * (whose they are, of which class) is kept once for all of them, the rest
 * encoded in a slab. Of a queued job the rest is its client id, or nothing.
 */
import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { type SharedFields, haveSameShared, withoutShared } from '../model/shared-fields.ts';
import { encodeMessage } from '../model/encode.ts';
import { growInts } from './round/columns.ts';
import { type Slab, createSlab, dropBytes, keepBytes, readBytes } from './slab.ts';

/** What a job is told apart by; kept elsewhere, for it is asked all the time. */
export type RecordKey = Pick<JobRecord, 'jobId' | 'queue' | 'jobSet' | 'priority' | 'submittedAtMs'>;

interface Shared {
  readonly value: SharedFields;
  readonly index: number;
  jobs: number;
}

export interface KeptRecords {
  readonly slab: Slab;
  /** By job: handle of the bytes of its own; NOTHING when there are none. */
  own: Int32Array;
  /** By job: index of what it has in common with others and one more, or 0 when no record is kept. */
  common: Int32Array;
  readonly commons: (Shared | undefined)[];
  /** By class and owner, where there are many of both; what else may differ is compared. */
  readonly byClass: Map<string, Map<string, Shared[]>>;
  readonly unused: number[];
}

/** No handle of a slab has this value. */
const NOTHING = -(2 ** 31);

export function createKeptRecords(): KeptRecords {
  return {
    slab: createSlab(),
    own: new Int32Array(0),
    common: new Int32Array(0),
    commons: [],
    byClass: new Map(),
    unused: [],
  };
}

/**
 * Keeps the first record of a job, of which the part of its own is encoded
 * already (see ownPart). It has as much in common with `like`; the answer is the
 * index of that, by which it is found again for the next such job.
 */
export function keepOwnPart(
  kept: KeptRecords,
  job: number,
  own: Uint8Array,
  ...[like, known]: [like: SharedFields, known: number | undefined]
): number {
  growTo(kept, job + 1);
  const found = known === undefined ? undefined : kept.commons[known];
  if (found) found.jobs++;
  const common = found?.index ?? takeCommon(kept, like);
  kept.own[job] = own.length === 0 ? NOTHING : keepBytes(kept.slab, own);
  kept.common[job] = common + 1;
  return common;
}

function growTo(kept: KeptRecords, length: number): void {
  kept.own = growInts(kept.own, length);
  kept.common = growInts(kept.common, length);
}

/**
 * Keeps the record of a job in place of the one before.
 * @param own the record without what is shared, where that is encoded already
 */
export function keepRecord(kept: KeptRecords, job: number, record: JobRecord, own?: Uint8Array): void {
  growTo(kept, job + 1);
  // Taken first: what both records have in common is then not let go of in between.
  const common = takeCommon(kept, record);
  dropRecord(kept, job);
  const bytes = own ?? encodeMessage(JobRecord, ownPart(record));
  kept.own[job] = bytes.length === 0 ? NOTHING : keepBytes(kept.slab, bytes);
  kept.common[job] = common + 1;
}

/** The record as it was kept. */
export function keptRecord(kept: KeptRecords, job: number, key: RecordKey): JobRecord {
  const found = kept.commons[(kept.common[job] ?? 0) - 1];
  if (found === undefined) throw new Error(`no record of job ${key.jobId} is kept`);
  const own = kept.own[job] ?? NOTHING;
  const record = JobRecord.decode(own === NOTHING ? new Uint8Array() : readBytes(kept.slab, own));
  Object.assign(record, key, found.value, { groups: [...found.value.groups] });
  record.changedAtMs ||= key.submittedAtMs;
  return record;
}

export function dropRecord(kept: KeptRecords, job: number): void {
  const index = (kept.common[job] ?? 0) - 1;
  if (index === -1) return;
  const own = kept.own[job] ?? NOTHING;
  if (own !== NOTHING) dropBytes(kept.slab, own);
  kept.common[job] = 0;
  const common = kept.commons[index];
  if (common !== undefined && --common.jobs === 0) forget(kept, common);
}

function forget({ commons, byClass, unused }: KeptRecords, { value, index }: Shared): void {
  commons[index] = undefined;
  unused.push(index);
  const byOwner = byClass.get(value.schedulingClass);
  const left = byOwner?.get(value.owner)?.filter((one) => one.index !== index) ?? [];
  if (left.length > 0) byOwner?.set(value.owner, left);
  else byOwner?.delete(value.owner);
  if (byOwner?.size === 0) byClass.delete(value.schedulingClass);
}

/** A job that has not changed since it was submitted, as queued ones have not, need not say when that was. */
function ownPart(record: JobRecord): JobRecord {
  const own = withoutShared(record);
  own.priority = 0;
  own.submittedAtMs = 0;
  if (record.changedAtMs === record.submittedAtMs) own.changedAtMs = 0;
  return own;
}

function takeCommon({ commons, byClass, unused }: KeptRecords, record: SharedFields): number {
  const { owner, groups, namespace, schedulingClass, atMostOnce, failFast } = record;
  let byOwner = byClass.get(schedulingClass);
  if (byOwner === undefined) {
    byOwner = new Map();
    byClass.set(schedulingClass, byOwner);
  }
  let known = byOwner.get(owner);
  if (known === undefined) {
    known = [];
    byOwner.set(owner, known);
  }
  let common = known.find(({ value }) => haveSameShared(value, record));
  if (common === undefined) {
    const value = { owner, groups, namespace, schedulingClass, atMostOnce, failFast };
    common = { value, index: unused.pop() ?? commons.length, jobs: 0 };
    commons[common.index] = common;
    known.push(common);
  }
  common.jobs++;
  return common.index;
}
