/**
 * Jobs packed as the engines keep them, in one piece of memory that can change
 * threads, instead of an object with two dozen fields each: the scheduler takes
 * in a million of them at a start, and each job several times in its life. What
 * many jobs have in common is told once; of each job there is
 *
 *     key (16 bytes, see model/job-key.ts)
 *     version, number of the entry that submitted it or 0 when nobody knows (6 bytes each)
 *     index of its common part (4 bytes)
 *     its own part behind its length: a JobRecord without what key and common part tell
 *
 * Numbers are big-endian, the length is written as protobuf does. A field that
 * the own part has counts for more than what the others tell.
 */
import { JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { createFieldCursor, mustReadField } from '@armada-ts/api/encoded/fields';
import { readerOf } from '@armada-ts/api/encoded/reader';
import { Empty } from '@armada-ts/api/google/protobuf/empty';
import { encodeMessage } from '../model/encode.ts';
import { jobIdOf } from '../model/job-key.ts';
import { haveSameShared, SHARED_FIELDS, withoutShared } from '../model/shared-fields.ts';

export interface PackedJobs {
  /** JobRecords, of which only what jobs have in common is looked at. */
  commons: readonly JobRecord[];
  bytes: Buffer<ArrayBuffer>;
}

/** What is told of a job in front of its own part. */
interface Head {
  key: Uint8Array;
  version: number;
  submitted: number;
  common: number;
}

/** A job whose own part is encoded. */
export interface JobToPack extends Head {
  own: Uint8Array;
}

/** A job whose record is not. */
export interface RecordToPack extends Omit<Head, 'common'> {
  record: JobRecord;
  /** The whole record, where it is encoded already. */
  encoded?: Uint8Array | undefined;
}

type Writer = ReturnType<typeof Empty.encode>;

const KEY_BYTES = 16;
const VERSION_AT = KEY_BYTES;
const SUBMITTED_AT = VERSION_AT + 6;
const COMMON_AT = SUBMITTED_AT + 6;
const HEAD_BYTES = COMMON_AT + 4;

/** Packs jobs as they are kept. */
export function packJobs(commons: readonly JobRecord[], jobs: readonly JobToPack[]): PackedJobs {
  return { commons, bytes: encodeMessage(KEPT, jobs) };
}

/** Packs records, each in place of one JobRecord that would be encoded. */
export function packRecords(jobs: readonly RecordToPack[]): PackedJobs {
  const commons = createCommons();
  return { commons: commons.list, bytes: encodeMessage(RECORDS, { jobs, commons }) };
}

const KEPT = {
  encode(jobs: readonly JobToPack[], kept?: Writer): Writer {
    const writer = Empty.encode(Empty.create(), kept);
    for (const job of jobs) writeHead(writer, job).bytes(job.own);
    return writer;
  },
};

const RECORDS = {
  encode({ jobs, commons }: { jobs: readonly RecordToPack[]; commons: Commons }, kept?: Writer): Writer {
    const writer = Empty.encode(Empty.create(), kept);
    for (const { key, version, submitted, record, encoded } of jobs) {
      writeHead(writer, { key, version, submitted, common: commons.of(record) }).fork();
      if (encoded) writeWithoutShared(encoded, writer);
      else JobRecord.encode(withoutShared(record), writer);
      writer.join();
    }
    return writer;
  },
};

/** What withoutShared leaves of a record, cut out of its bytes. */
function writeWithoutShared(record: Uint8Array, writer: Writer): void {
  const field = createFieldCursor(record);
  let from = 0;
  while (mustReadField(field)) {
    if (!SHARED_FIELDS.has(field.number)) continue;
    if (field.start > from) writer.raw(record.subarray(from, field.start));
    from = field.at;
  }
  if (from < record.length) writer.raw(record.subarray(from));
}

/** Filled, and copied from, for one job after the other. */
const head = Buffer.alloc(HEAD_BYTES);

function writeHead(writer: Writer, { key, version, submitted, common }: Head): Writer {
  head.set(key);
  head.writeUIntBE(version, VERSION_AT, 6);
  head.writeUIntBE(submitted, SUBMITTED_AT, 6);
  head.writeUInt32BE(common, COMMON_AT);
  return writer.raw(head);
}

/** Gives indexes to what records have in common. */
interface Commons {
  list: JobRecord[];
  of(record: JobRecord): number;
}

function createCommons(): Commons {
  const list: JobRecord[] = [];
  const lastOfClass = new Map<string, number>();
  const byText = new Map<string, number>();
  /** Texts are made once there is something to compare with: the records of many batches are all alike. */
  const note = (): void => {
    for (const record of list.slice(byText.size)) byText.set(textOf(record), byText.size);
  };
  return {
    list,
    of(record) {
      // Most have as much in common with the one before of their class, and to see that is cheaper.
      const last = lastOfClass.get(record.schedulingClass);
      const before = last === undefined ? undefined : list[last];
      if (last !== undefined && before && haveSameCommon(before, record)) return last;
      note();
      let index = list.length === 0 ? undefined : byText.get(textOf(record));
      index ??= list.push(record) - 1;
      lastOfClass.set(record.schedulingClass, index);
      return index;
    },
  };
}

function haveSameCommon(one: JobRecord, other: JobRecord): boolean {
  return one.jobSet === other.jobSet && one.queue === other.queue && haveSameShared(one, other);
}

/** What a record has in common with others, as text that no two different ones share. */
function textOf(record: JobRecord): string {
  const { queue, jobSet, owner, groups, namespace, schedulingClass, atMostOnce, failFast } = record;
  return JSON.stringify([queue, jobSet, owner, groups, namespace, schedulingClass, atMostOnce, failFast]);
}

/** A record of nothing but what it has in common with others. */
export function commonPart(record: JobRecord): JobRecord {
  const { queue, jobSet, owner, groups, namespace, schedulingClass, atMostOnce, failFast } = record;
  const common = { queue, jobSet, owner, groups, namespace, schedulingClass, atMostOnce, failFast };
  return { ...NOTHING, ...common };
}

const NOTHING = JobRecord.create();

/** Says of all that they are of this log entry, and of the first so many that it made them. */
export function stampPacked({ bytes }: PackedJobs, number: number, created: number): void {
  let index = 0;
  eachPackedJob({ commons: [], bytes }, ({ keyAt }) => {
    bytes.writeUIntBE(number, keyAt + VERSION_AT, 6);
    if (index++ < created) bytes.writeUIntBE(number, keyAt + SUBMITTED_AT, 6);
  });
}

/** A packed job; one object shows them one after the other. */
export interface PackedJob {
  readonly bytes: Buffer;
  /** Where its key is. */
  keyAt: number;
  version: number;
  submitted: number;
  common: number;
  /** Where its own part begins and ends. */
  from: number;
  end: number;
}

/** Calls back for each job, always with the same object. */
export function eachPackedJob({ bytes }: PackedJobs, visit: (job: PackedJob) => void): void {
  const job: PackedJob = { bytes, keyAt: 0, version: 0, submitted: 0, common: 0, from: 0, end: 0 };
  for (let at = 0; at < bytes.length; at = job.end) {
    job.keyAt = at;
    job.version = bytes.readUIntBE(at + VERSION_AT, 6);
    job.submitted = bytes.readUIntBE(at + SUBMITTED_AT, 6);
    job.common = bytes.readUInt32BE(at + COMMON_AT);
    at += HEAD_BYTES;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    job.from = at;
    job.end = at + length;
    visit(job);
  }
}

/** The own part of each job. */
export function ownParts(packed: PackedJobs): { own: Uint8Array; common: number }[] {
  const parts: { own: Uint8Array; common: number }[] = [];
  eachPackedJob(packed, ({ bytes, from, end, common }) =>
    parts.push({ own: bytes.subarray(from, end), common }),
  );
  return parts;
}

/** The id of a packed job. */
export function idOfPacked({ bytes, keyAt }: PackedJob): string {
  return jobIdOf(bytes.subarray(keyAt, keyAt + KEY_BYTES));
}

/** The whole job. */
export function unpackJob({ commons }: Pick<PackedJobs, 'commons'>, job: PackedJob): StoredJob {
  const { bytes, from, end, version, submitted } = job;
  const common = commons[job.common] ?? NOTHING;
  const record = JobRecord.decode(readerOf(bytes.subarray(from, end)));
  record.jobId ||= idOfPacked(job);
  record.queue ||= common.queue;
  record.jobSet ||= common.jobSet;
  record.owner ||= common.owner;
  if (record.groups.length === 0) record.groups = [...common.groups];
  record.namespace ||= common.namespace;
  record.schedulingClass ||= common.schedulingClass;
  record.atMostOnce ||= common.atMostOnce;
  record.failFast ||= common.failFast;
  return { record, version, submittedNumber: submitted === 0 ? undefined : submitted };
}

export function unpackJobs(packed: PackedJobs): StoredJob[] {
  const jobs: StoredJob[] = [];
  eachPackedJob(packed, (job) => jobs.push(unpackJob(packed, job)));
  return jobs;
}
