/**
 * An encoded batch, read as far as writing it needs. Most of a batch is kept as
 * it came: records and events are cut out of it, without what rows and streams
 * tell in other ways, instead of being decoded and encoded once more.
 */
import { JobState } from '@armada-ts/api/api/job';
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { createFieldCursor, type FieldCursor, mustReadField, numberIn } from '@armada-ts/api/encoded/fields';

/** A batch whose records and events are still encoded. */
export interface EncodedBatch extends Pick<Batch, 'queue' | 'term' | 'classes' | 'opened' | 'closed'> {
  sequences: EncodedEvents[];
  submitted: { record: EncodedRecord; spec: Uint8Array; claimHash: Uint8Array }[];
  changed: { record: EncodedRecord; expectedVersion: number }[];
}

/** Events of one job set: an EventSequence without the names of queue and job set. */
export interface EncodedEvents {
  jobSet: string;
  bytes: Uint8Array;
}

/** A job record: what a row has columns for, and the JobRecord. */
export interface EncodedRecord {
  jobId: string;
  jobSet: string;
  state: JobState;
  schedulingClass: string;
  endedAtMs: number | undefined;
  runIds: string[];
  externalJobUri: string;
  clientId: string;
  /** Without ids and names that other columns tell: jobId, queue, jobSet, schedulingClass, externalJobUri. */
  bytes: Uint8Array;
}

// Field numbers of armada.store.v1.Batch, NewJob, ChangedJob, JobRecord and RunRecord, and of armadaevents.EventSequence.
const BATCH = { sequences: 3, submitted: 4, changed: 5 } as const;
const NEW_JOB = { record: 1, spec: 2, claimHash: 3 } as const;
const CHANGED_JOB = { record: 1, expectedVersion: 2 } as const;
const RECORD = {
  jobId: 1,
  queue: 2,
  jobSet: 3,
  state: 7,
  schedulingClass: 11,
  endedAtMs: 14,
  runs: 17,
  externalJobUri: 18,
  clientId: 22,
} as const;
const RUN = { runId: 1 } as const;
const EVENTS = { queue: 1, jobSetName: 2 } as const;

/** Reads an encoded armada.store.v1.Batch. Throws when it is none. */
export function readBatch(bytes: Buffer): EncodedBatch {
  const sequences: EncodedBatch['sequences'] = [];
  const submitted: EncodedBatch['submitted'] = [];
  const changed: EncodedBatch['changed'] = [];
  const rest = createCut(bytes);
  const field = createFieldCursor(bytes);
  while (mustReadField(field)) {
    if (field.number === BATCH.sequences) sequences.push(readEvents(contentOf(bytes, field)));
    else if (field.number === BATCH.submitted) submitted.push(readNewJob(contentOf(bytes, field)));
    else if (field.number === BATCH.changed) changed.push(readChangedJob(contentOf(bytes, field)));
    else continue;
    rest.drop(field);
  }
  const { queue, term, classes, opened, closed } = Batch.decode(rest.kept());
  return {
    queue,
    ...(term !== undefined && { term }),
    classes,
    opened,
    closed,
    sequences,
    submitted,
    changed,
  };
}

/** What of an encoded batch is stored as it is: the events of each sequence, and the records of changed jobs, whole. */
export function decisionsIn(bytes: Buffer): { events: Uint8Array[]; records: Uint8Array[] } {
  const events: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  const field = createFieldCursor(bytes);
  while (mustReadField(field)) {
    if (field.number === BATCH.sequences) events.push(readEvents(contentOf(bytes, field)).bytes);
    else if (field.number === BATCH.changed) records.push(recordIn(contentOf(bytes, field)));
  }
  return { events, records };
}

/** The record of an encoded ChangedJob, which begins with it. */
function recordIn(bytes: Buffer): Buffer {
  const field = createFieldCursor(bytes);
  return mustReadField(field) && field.number === CHANGED_JOB.record ? contentOf(bytes, field) : NOTHING;
}

function readNewJob(bytes: Buffer): EncodedBatch['submitted'][number] {
  let [record, spec, claimHash]: Buffer[] = [];
  const field = createFieldCursor(bytes);
  while (mustReadField(field)) {
    if (field.number === NEW_JOB.record) record = contentOf(bytes, field);
    else if (field.number === NEW_JOB.spec) spec = contentOf(bytes, field);
    else if (field.number === NEW_JOB.claimHash) claimHash = contentOf(bytes, field);
  }
  return { record: readRecord(record ?? NOTHING), spec: spec ?? NOTHING, claimHash: claimHash ?? NOTHING };
}

function readChangedJob(bytes: Buffer): EncodedBatch['changed'][number] {
  let record: Buffer = NOTHING;
  let expectedVersion = 0;
  const field = createFieldCursor(bytes);
  while (mustReadField(field)) {
    if (field.number === CHANGED_JOB.record) record = contentOf(bytes, field);
    else if (field.number === CHANGED_JOB.expectedVersion)
      expectedVersion = bytes.readDoubleLE(field.content);
  }
  return { record: readRecord(record), expectedVersion };
}

/** Reads an encoded JobRecord. */
export function readRecord(bytes: Buffer): EncodedRecord {
  const record: EncodedRecord = { ...EMPTY_RECORD, runIds: [] };
  const cut = createCut(bytes);
  const field = createFieldCursor(bytes);
  while (mustReadField(field)) {
    switch (field.number) {
      case RECORD.jobId:
        record.jobId = textOf(bytes, field);
        break;
      case RECORD.queue:
        break;
      case RECORD.jobSet:
        record.jobSet = textOf(bytes, field);
        break;
      case RECORD.schedulingClass:
        record.schedulingClass = textOf(bytes, field);
        break;
      case RECORD.externalJobUri:
        record.externalJobUri = textOf(bytes, field);
        break;
      default:
        readKept(record, bytes, field);
        continue;
    }
    cut.drop(field);
  }
  record.bytes = cut.kept();
  return record;
}

/** Notes what a row has a column for besides. */
function readKept(record: EncodedRecord, bytes: Buffer, field: FieldCursor): void {
  if (field.number === RECORD.state) record.state = numberIn(field) as JobState;
  else if (field.number === RECORD.endedAtMs) record.endedAtMs = bytes.readDoubleLE(field.content);
  else if (field.number === RECORD.runs) record.runIds.push(runIdOf(contentOf(bytes, field)));
  else if (field.number === RECORD.clientId) record.clientId = textOf(bytes, field);
}

const EMPTY_RECORD: Omit<EncodedRecord, 'runIds'> = {
  jobId: '',
  jobSet: '',
  state: JobState.QUEUED,
  schedulingClass: '',
  endedAtMs: undefined,
  externalJobUri: '',
  clientId: '',
  bytes: new Uint8Array(),
};

function runIdOf(run: Buffer): string {
  let runId = '';
  const field = createFieldCursor(run);
  while (mustReadField(field)) {
    if (field.number !== RUN.runId) continue;
    runId = textOf(run, field);
    break;
  }
  return runId;
}

function readEvents(bytes: Buffer): EncodedEvents {
  const cut = createCut(bytes);
  let jobSet = '';
  const field = createFieldCursor(bytes);
  while (mustReadField(field)) {
    // They come first, and the events after them are many.
    if (field.number > EVENTS.jobSetName) break;
    if (field.number === EVENTS.jobSetName) jobSet = textOf(bytes, field);
    cut.drop(field);
  }
  return { jobSet, bytes: cut.kept() };
}

const NOTHING = Buffer.alloc(0);

function contentOf(bytes: Buffer, { content, at }: FieldCursor): Buffer {
  return bytes.subarray(content, at);
}

function textOf(bytes: Buffer, { content, at }: FieldCursor): string {
  return bytes.toString('utf8', content, at);
}

/** A message with some fields left out. */
function createCut(bytes: Buffer) {
  const left = Buffer.allocUnsafe(bytes.length);
  let size = 0;
  let from = 0;
  return {
    /** Fields are left out in the order in which they lie. */
    drop({ start, at }: FieldCursor): void {
      if (start > from) size += bytes.copy(left, size, from, start);
      from = at;
    },
    /** What is left. */
    kept(): Buffer {
      size += bytes.copy(left, size, from);
      return left.subarray(0, size);
    },
  };
}
