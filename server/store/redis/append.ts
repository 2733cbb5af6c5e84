/** A batch as the arguments of its script (scripts/append.ts), and what the script answers. */
import {
  type Batch,
  type JobRecord,
  LogEntry,
  Operation,
  SchedulingClass,
} from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { encodeMessage } from '../../model/encode.ts';
import { cutBlocks, encodeBlock, type NewSpec } from '../blocks.ts';
import { decisionsIn } from '../encoded-batch.ts';
import { encodeEvents, type EntryPlace, followedBytes } from '../entries.ts';
import { jobIdOf } from '../../model/job-key.ts';
import { runKey } from '../keys.ts';
import { pack } from '../pack.ts';
import type { PackedJobs } from '../packed-jobs.ts';
import type { Claim } from '../store.ts';
import { claimField, setName, spreadOfRun } from './keys.ts';
import { encodeItem } from './log.ts';
import type { Argument, Reply } from './node.ts';
import { encodeChanges, encodeClaims, encodeCreations } from './packed.ts';
import { packBatch, type Placed } from './placing.ts';
import { readRecord, type StoredRecord, type Template } from './records.ts';

/** From here on a block is compressed: memory is dearer than the time of the server that submits. */
export const MIN_COMPRESSED_BYTES = 256;

/** What an entry is stamped with: when, a random mark, who wakes whom, and the newest entry this process has seen. */
export interface Stamp {
  now: number;
  mark: Buffer;
  channel: string;
  origin: string;
  seen: Seen;
}

/** An entry of a partition's log, by number and mark; 0 for none. */
export interface Seen {
  number: number;
  mark: Buffer;
}

/** What a script is told of the newest entry that was seen. An entry without a mark is not checked. */
export function seenArguments({ number, mark }: Seen): Argument[] {
  return mark.length === 0 ? [0, ''] : [number, mark];
}

/** What became of a batch. */
export type BatchOutcome =
  | ({ outcome: 'applied' } & EntryPlace)
  | { outcome: 'repeated' | 'no-queue' }
  | { outcome: 'stale'; current: { jobId: string; stored: StoredRecord }[] }
  | { outcome: 'claimed'; claims: Claim[] }
  | { outcome: 'sealed'; term: number }
  /** The partition is a copy that lacks entries this process has seen. */
  | { outcome: 'lost' };

/** Gives numbers, counted from 1, to what several jobs of a batch share. */
export interface Numbered<Value> {
  readonly values: readonly Value[];
  of(key: string, value: Value): number;
}

export function createNumbered<Value>(): Numbered<Value> {
  const values: Value[] = [];
  const numbers = new Map<string, number>();
  return {
    values,
    of(key, value) {
      let number = numbers.get(key);
      if (number === undefined) {
        number = values.push(value);
        numbers.set(key, number);
      }
      return number;
    },
  };
}

/** A batch, ready to be sent. */
export interface EncodedAppend {
  parameters: Argument[];
  /** The jobs of the batch, the submitted ones first. */
  packed: PackedJobs;
  /** See followedBytes. */
  followedBytes: number;
}

interface AppendSettings {
  partitions: number;
  templateOf: (record: JobRecord) => Template;
  /** The batch itself, where it is encoded already. */
  encoded?: Uint8Array | undefined;
}

/** The arguments of a batch. Throws when it breaks the rules of the port. */
export function encodeAppend(
  batch: Batch,
  { now, mark, channel, origin, seen }: Stamp,
  { partitions, templateOf, encoded }: AppendSettings,
): EncodedAppend {
  const decisions = encoded && decisionsIn(asBuffer(encoded));
  const { packed, submitted, changed } = packBatch(batch, partitions, decisions?.records);
  const sets = createNumbered<string>();
  for (const { jobSetName } of batch.sequences) sets.of(jobSetName, jobSetName);
  assert.equal(sets.values.length, batch.sequences.length, 'a batch has one sequence for each job set');
  const templates = createNumbered<Template>();
  const numbers: Numbers = {
    set: ({ jobSet }) => sets.of(jobSet, jobSet),
    template: numberTemplates(packed, templates, templateOf),
  };
  const changes = changeArguments(changed, numbers);
  const creations = creationArguments(batch.queue, submitted, numbers);
  const events = decisions?.events ?? batch.sequences.map(encodeEvents);
  const [first] = submitted;
  const parameters: Argument[] = [
    ...seenArguments(seen),
    batch.term ?? '',
    batch.queue,
    first?.place.bucket ?? '',
    first?.place.field ?? '',
    ...claimArguments(batch.queue, submitted),
    ...changes,
    batch.classes.length,
    ...batch.classes.flatMap((each) => [each.id, encodeMessage(SchedulingClass, each)]),
    templates.values.length,
    ...templates.values.flatMap((template) => [template.id, template.class, template.bytes]),
    now,
    sets.values.length,
    ...sets.values.flatMap((jobSet, i) => {
      const bytes = events[i];
      return [setName(batch.queue, jobSet), bytes ? asBuffer(pack(bytes)) : ''];
    }),
    ...creations,
    ...runArguments(submitted),
    ...uriArguments(submitted, numbers),
    batch.opened.length,
    ...batch.opened.flatMap((each) => [each.id, encodeMessage(Operation, each)]),
    batch.closed.length,
    ...batch.closed,
    encodeItem(
      namesOf(batch),
      [...submitted, ...changed].map(({ key }) => key),
    ),
    now,
    mark,
    channel,
    origin,
  ];
  const eventBytes = events.reduce((sum, { length }) => sum + length, 0);
  return { parameters, packed, followedBytes: followedBytes(eventBytes, submitted.length + changed.length) };
}

/** Numbers templates: what jobs have in common is looked at once. */
function numberTemplates(
  { commons }: PackedJobs,
  templates: Numbered<Template>,
  templateOf: (record: JobRecord) => Template,
): (job: { common: number }) => number {
  const numbers = commons.map((record) => {
    const template = templateOf(record);
    return templates.of(template.id.toString('latin1'), template);
  });
  return ({ common }) => numbers[common] ?? 0;
}

interface Numbers {
  set(record: JobRecord): number;
  template(job: { common: number }): number;
}

function namesOf({ queue, sequences, classes, opened, closed }: Batch): LogEntry {
  return LogEntry.fromPartial({
    queue,
    sequences: sequences.map(({ jobSetName }) => ({ jobSet: jobSetName })),
    classes: classes.map(({ id }) => ({ id })),
    opened: opened.map(({ id }) => ({ id })),
    closed,
  });
}

function claimArguments(queue: string, submitted: readonly Placed<Batch['submitted'][number]>[]): Argument[] {
  const named = submitted.filter(({ record }) => record.clientId !== '');
  const ids = new Set(named.map(({ record }) => record.clientId));
  assert.equal(ids.size, named.length, 'the jobs of a batch have different client ids');
  const claims = named.map(({ record, key, job }) => ({
    field: claimField(queue, record.clientId),
    key,
    hash: job.claimHash,
  }));
  return [named.length, encodeClaims(claims)];
}

/** Changed jobs by their buckets, each of which the script reads and writes at once. */
function changeArguments(changed: readonly Placed<Batch['changed'][number]>[], numbers: Numbers): Argument[] {
  const buckets = Map.groupBy(changed, ({ place }) => place.bucket);
  const parameters: Argument[] = [buckets.size];
  for (const [bucket, jobs] of buckets) {
    const packed = jobs.map(({ job, record, key, place, own, common }) => ({
      field: place.field,
      expectedVersion: job.expectedVersion,
      set: numbers.set(record),
      template: numbers.template({ common }),
      key,
      record,
      own,
    }));
    parameters.push(bucket, jobs.length, encodeChanges(packed));
  }
  return parameters;
}

/** New jobs by the blocks that their specs share; a block is of one bucket and one job set. */
function creationArguments(
  queue: string,
  submitted: readonly Placed<Batch['submitted'][number]>[],
  numbers: Numbers,
): Argument[] {
  const groups = Map.groupBy(submitted, ({ record, place }) => `${place.bucket}\0${record.jobSet}`);
  const blocks = [...groups.values()].flatMap((jobs) =>
    cutBlocks(
      jobs.map((each): NewSpec & { each: typeof each } => ({
        jobId: each.record.jobId,
        spec: each.job.spec,
        each,
      })),
    ),
  );
  const parameters: Argument[] = [blocks.length];
  for (const block of blocks) {
    const [first] = block;
    assert(first, 'a block has jobs');
    const { bucket, field } = first.each.place;
    parameters.push(
      bucket,
      numbers.set(first.each.record),
      field,
      block.length,
      asBuffer(encodeBlock(block, MIN_COMPRESSED_BYTES)),
    );
    const packed = block.map(({ each: { record, place, own, common } }) => {
      assert.equal(record.queue, queue, 'the jobs of a batch are of its queue');
      return { field: place.field, template: numbers.template({ common }), record, own };
    });
    parameters.push(encodeCreations(packed));
  }
  return parameters;
}

function runArguments(submitted: readonly Placed<Batch['submitted'][number]>[]): Argument[] {
  const runs = submitted.flatMap(({ record, key }) =>
    record.runs.map(({ runId }) => [...runArgument(runId), asBuffer(key)]),
  );
  return [runs.length, ...runs.flat()];
}

export function runArgument(runId: string): [number, Buffer] {
  const key = runKey(runId);
  assert(key, `"${runId}" is not a run id`);
  return [spreadOfRun(runId), asBuffer(key)];
}

function uriArguments(
  submitted: readonly Placed<Batch['submitted'][number]>[],
  numbers: Numbers,
): Argument[] {
  const named = submitted.filter(({ record }) => record.externalJobUri !== '');
  return [named.length, ...named.flatMap(({ record }) => [numbers.set(record), uriMember(record)])];
}

/** How a job stands among the external URIs of its job set. */
export function uriMember({ externalJobUri, jobId }: JobRecord): string {
  return `${externalJobUri}\0${jobId}`;
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What the script answered. */
export function decodeAppend(batch: Batch, partition: number, reply: Reply): BatchOutcome {
  assert(Array.isArray(reply), 'the answer to an append is a list');
  const [outcome, ...rest] = reply;
  switch (String(outcome)) {
    case 'applied':
      return {
        outcome: 'applied',
        partition,
        number: Number(rest[0]),
        sequences: sequencePlaces(rest.slice(1)),
      };
    case 'repeated':
      return { outcome: 'repeated' };
    case 'no-queue':
      return { outcome: 'no-queue' };
    case 'sealed':
      return { outcome: 'sealed', term: Number(rest[0]) };
    case 'lost':
      return { outcome: 'lost' };
    case 'claimed':
      return { outcome: 'claimed', claims: claimsOf(batch, rest) };
    case 'stale':
      return { outcome: 'stale', current: currentOf(batch, rest) };
    default:
      throw new Error(`the batch uses scheduling class "${String(rest[0])}" and does not bring it`);
  }
}

/** Pairs of a number and the beginning of a stream. */
export function sequencePlaces(numbers: readonly Reply[]): EntryPlace['sequences'] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    number: Number(numbers[2 * i]),
    streamCreatedMs: Number(numbers[2 * i + 1]),
  }));
}

function claimsOf(batch: Batch, found: readonly Reply[]): Claim[] {
  const named = batch.submitted.flatMap(({ record }) => (record?.clientId ? [record.clientId] : []));
  return pairs(found).map(([index, value]) => claimOf(named[Number(index)] ?? '', value));
}

/** A claim by what is stored under its client id. */
export function claimOf(clientId: string, value: Buffer): Claim {
  return { clientId, jobId: jobIdOf(value.subarray(0, 16)), hash: value.subarray(16) };
}

/** The jobs that have moved on, in the order of the batch. */
function currentOf({ changed }: Batch, found: readonly Reply[]): { jobId: string; stored: StoredRecord }[] {
  const byId = new Map(pairs(found).map(([key, value]) => [jobIdOf(asKey(key)), readRecord(value)]));
  return changed.flatMap(({ record }) => {
    const stored = byId.get(record?.jobId ?? '');
    return record && stored ? [{ jobId: record.jobId, stored }] : [];
  });
}

function asKey(reply: Reply): Buffer {
  assert(Buffer.isBuffer(reply), 'Redis answers texts as bytes');
  return reply;
}

function pairs(replies: readonly Reply[]): [Reply, Buffer][] {
  return Array.from({ length: replies.length / 2 }, (_, i) => [
    replies[2 * i] ?? null,
    asKey(replies[2 * i + 1] ?? null),
  ]);
}
