/**
 * Job records as Redis keeps them: numbers that scripts read (scripts/append.ts),
 * and then the record without what its id tells and what its template says. A
 * template is what many jobs have in common: names, who submitted, the class.
 * It is kept once a partition and has a number. A queued job then takes about
 * 60 bytes, few enough for Redis to keep its bucket compact.
 */
import { JobState } from '@armada-ts/api/api/job';
import { JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { readerOf } from '@armada-ts/api/encoded/reader';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { withoutShared } from '../../model/shared-fields.ts';
import { encodeMessage } from '../../model/encode.ts';
import { jobId, placeOfJob } from '../../model/ids.ts';
import { jobKey } from '../../model/job-key.ts';
import { isTerminal } from '../../model/job.ts';
import { BUCKET_JOBS } from './keys.ts';
import type { Reply } from './node.ts';

const HEADER_BYTES = 31;
/** Bytes in a stored template before the template itself: its id, and the length of the class's. */
const TEMPLATE_ID_BYTES = 16;

/** Templates that are remembered, of each kind. */
const MAX_REMEMBERED = 10_000;

/** What a record has in common with others. */
export interface Template {
  id: Buffer;
  class: string;
  bytes: Buffer;
}

/** Finds the template of a record. */
export type TemplateFinder = (record: JobRecord) => Template;

/** Remembers the templates that come often. */
export function createTemplates(): TemplateFinder {
  const known = new Map<string, Template>();
  return (record) => {
    const { queue, jobSet, owner, groups, namespace, schedulingClass, atMostOnce, failFast } = record;
    const text = JSON.stringify([
      queue,
      jobSet,
      owner,
      groups,
      namespace,
      schedulingClass,
      atMostOnce,
      failFast,
    ]);
    let template = known.get(text);
    if (!template) {
      assert(schedulingClass.length < 256, 'the id of a scheduling class is short');
      const common = { queue, jobSet, owner, groups, namespace, schedulingClass, atMostOnce, failFast };
      const id = createHash('sha256').update(text).digest().subarray(0, TEMPLATE_ID_BYTES);
      template = { id, class: schedulingClass, bytes: encodeMessage(JobRecord, JobRecord.create(common)) };
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(text, template);
    }
    return template;
  };
}

/** The template of a stored form. */
export function decodeTemplate(stored: Buffer): JobRecord {
  const classBytes = stored[TEMPLATE_ID_BYTES] ?? 0;
  return JobRecord.decode(stored.subarray(TEMPLATE_ID_BYTES + 1 + classBytes));
}

/** The bytes of a record, without what its place and template tell. */
export function encodeRecord(record: JobRecord): Buffer {
  return encodeMessage(JobRecord, withoutShared(record));
}

/** When a job ended; 0 when it has not. */
export function endedMs({ endedAtMs }: JobRecord): number {
  return endedAtMs === undefined ? 0 : Math.floor(endedAtMs);
}

/** The state for scripts: 16 x 0 ended, 1 queued, 2 leased, and the state itself. */
export function stateByte({ state, endedAtMs }: JobRecord): number {
  if (endedAtMs !== undefined) return state;
  const waiting = state === JobState.QUEUED || state === JobState.SUBMITTED || isTerminal(state);
  return (waiting ? 16 : 32) + state;
}

/** The numbers of a record that is put in as it was elsewhere: those before its template, and those after it. */
export function encodeNumbers(
  record: JobRecord,
  numbers: Pick<StoredRecord, 'version' | 'submitted' | 'born' | 'last' | 'block'>,
): { before: Buffer; after: Buffer } {
  const before = Buffer.alloc(24);
  for (const [i, name] of (['version', 'submitted', 'born', 'last'] as const).entries()) {
    before.writeUIntBE(numbers[name], 6 * i, 6);
  }
  return { before, after: Buffer.from([numbers.block, runCount(record), stateByte(record)]) };
}

/** How many runs a record has, for scripts. */
export function runCount({ runs }: JobRecord): number {
  return Math.min(255, runs.length);
}

/** A stored record, of which the numbers are read. */
export interface StoredRecord {
  version: number;
  submitted: number;
  /** Numbers in the stream: of what submitted it, and of its newest event. */
  born: number;
  last: number;
  template: number;
  block: number;
  isLive: boolean;
  state: number;
  body: Buffer;
}

export function readRecord(value: Buffer): StoredRecord {
  const state = value[HEADER_BYTES - 1] ?? 0;
  return {
    version: value.readUIntBE(0, 6),
    submitted: value.readUIntBE(6, 6),
    born: value.readUIntBE(12, 6),
    last: value.readUIntBE(18, 6),
    template: value.readUInt32BE(24),
    block: value[28] ?? 0,
    isLive: state >= 16,
    state: state % 16,
    body: value.subarray(HEADER_BYTES),
  };
}

/** The whole job. */
export function storedJobOf(id: string, stored: StoredRecord, template: JobRecord): StoredJob {
  const record = JobRecord.decode(readerOf(stored.body));
  record.jobId = id;
  record.queue = template.queue;
  record.jobSet = template.jobSet;
  record.owner = template.owner;
  record.groups = template.groups;
  record.namespace = template.namespace;
  record.schedulingClass = template.schedulingClass;
  record.atMostOnce = template.atMostOnce;
  record.failFast = template.failFast;
  return { record, version: stored.version, submittedNumber: stored.submitted };
}

/** Id of a job by its bucket and index. */
function idInBucket(bucket: string, field: number): string {
  const slot = placeOfJob(`${bucket.slice(0, 20)}0000${bucket.slice(20, 22)}`).slot;
  return jobId(bucket.slice(0, 20), Number(bucket.slice(22)) * BUCKET_JOBS + field, slot);
}

/** The first id that a bucket may hold, as its key, and the index that is in it. */
export function firstIdInBucket(bucket: string): { key: Uint8Array; index: number } {
  const key = jobKey(idInBucket(bucket, 0));
  assert(key, `"${bucket}" is not a bucket of jobs`);
  return { key, index: Number(bucket.slice(22)) * BUCKET_JOBS };
}

/** Records of a bucket that are wanted, by rising id. What else its hash holds is for scripts. */
export function wantedOf(
  bucket: string,
  content: readonly Reply[],
  isWanted: (record: StoredRecord) => boolean,
): { jobId: string; field: number; stored: StoredRecord }[] {
  const found: { jobId: string; field: number; stored: StoredRecord }[] = [];
  for (let i = 0; i < content.length; i += 2) {
    const field = String(content[i]);
    const value = content[i + 1];
    if (!Buffer.isBuffer(value) || !/^\d/.test(field)) continue;
    const stored = readRecord(value);
    if (isWanted(stored))
      found.push({ jobId: idInBucket(bucket, Number(field)), field: Number(field), stored });
  }
  return found.sort((one, other) => one.field - other.field);
}
