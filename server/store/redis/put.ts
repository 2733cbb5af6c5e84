/** Parts of a store as the arguments of the scripts that put them into their partitions (scripts/copy.ts). */
import { Operation } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { encodeMessage } from '../../model/encode.ts';
import { cutBlocks, encodeBlock } from '../blocks.ts';
import type { CopiedControl, CopiedJob, Part, StreamPart } from '../copy.ts';
import { jobKey } from '../../model/job-key.ts';
import { inPages } from '../pages.ts';
import {
  asBuffer,
  createNumbered,
  MIN_COMPRESSED_BYTES,
  type Numbered,
  runArgument,
  uriMember,
} from './append.ts';
import { claimField, type JobPlace, partitionOfQueue, placeOf, setName, spreadOfClaim } from './keys.ts';
import type { Argument, Script } from './node.ts';
import {
  createTemplates,
  encodeNumbers,
  encodeRecord,
  endedMs,
  stateByte,
  type Template,
  type TemplateFinder,
} from './records.ts';
import { PUT_FIELDS, PUT_JOBS, PUT_STREAM } from './scripts/copy.ts';

/** A script to run in a partition. Its first argument, who calls, is still missing. */
export interface PutCall {
  partition: number;
  script: Script;
  parameters: Argument[];
}

/** Jobs of one call: a few milliseconds of Redis. */
const CALL_LIMITS = { count: 250, bytes: 256 * 1024 };

/** @param partitions how many there are, once that is known */
export function createPuts(partitions: () => number): (part: Part) => PutCall[] {
  const templateOf = createTemplates();
  return (part) => {
    const at = (queue: string): number => partitionOfQueue(queue, partitions());
    switch (part.kind) {
      case 'controls': {
        const groups = Map.groupBy(part.controls, ({ kind, name }) => `${at(name)}/${kind}`);
        return [...groups.values()].flatMap((some) => fieldsCall(at(some[0]?.name ?? ''), some));
      }
      case 'operations': {
        const groups = Map.groupBy(part.operations, ({ queue }) => at(queue));
        return [...groups].map(([partition, some]) => operationsCall(partition, some));
      }
      case 'stream':
        return [streamCall(at(part.jobSet.queue), part)];
      case 'jobs': {
        // By their ids, which tell the slot of their queue: names would be hashed once for each job.
        const jobs = part.jobs.map((job) => placed(job, partitions()));
        const groups = Map.groupBy(jobs, ({ place }) => place.partition);
        return [...groups].flatMap(([partition, some]) => {
          const pages = inPages(some, CALL_LIMITS, { sizeOf: ({ spec }) => spec.length });
          return Array.from(pages, (page) => jobsCall(partition, page, templateOf));
        });
      }
    }
  };
}

/** A number as scripts store it, in front of a record. */
function sixBytes(number: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(number, 0, 6);
  return bytes;
}

function fieldsCall(partition: number, controls: readonly CopiedControl[]): PutCall {
  const fields = controls.flatMap(({ name, version, record }) => [
    name,
    Buffer.concat([sixBytes(version), record]),
  ]);
  const parameters = [`:control:${controls[0]?.kind ?? 0}`, controls.length, ...fields];
  return { partition, script: PUT_FIELDS, parameters };
}

function operationsCall(partition: number, operations: readonly Operation[]): PutCall {
  const fields = operations.flatMap((each) => [
    each.id,
    Buffer.concat([sixBytes(each.openedAtNumber), encodeMessage(Operation, each)]),
  ]);
  return { partition, script: PUT_FIELDS, parameters: [':operations', operations.length, ...fields] };
}

function streamCall(partition: number, { jobSet, isFirst, births, sequences }: StreamPart): PutCall {
  const { queue, name, streamCreatedMs, firstNumber, lastNumber, oldestMs, queued, leased, jobs } = jobSet;
  const begins = [streamCreatedMs, firstNumber, lastNumber, oldestMs ?? '', queued, leased, jobs];
  const parameters = [
    setName(queue, name),
    queue,
    isFirst ? 1 : 0,
    ...(isFirst ? begins : []),
    births.length,
    ...births.flatMap(({ number, live }) => [number, live]),
    sequences.length,
    ...sequences.map(({ atMs, bytes }) => Buffer.concat([sixBytes(atMs), bytes])),
  ];
  return { partition, script: PUT_STREAM, parameters };
}

/** A job with its place. */
interface Placed {
  job: CopiedJob;
  jobId: string;
  key: Buffer;
  place: JobPlace;
  spec: Uint8Array;
}

function placed(job: CopiedJob, partitions: number): Placed {
  const { jobId } = job.record;
  const key = jobKey(jobId);
  const place = placeOf(jobId, partitions);
  assert(key && place, `"${jobId}" is not a job id`);
  return { job, jobId, key: asBuffer(key), place, spec: job.spec };
}

function jobsCall(partition: number, jobs: readonly Placed[], templateOf: TemplateFinder): PutCall {
  const templates = createNumbered<Template>();
  const sets = createNumbered<string>();
  const setOf = ({ job: { record } }: Placed): number => {
    const name = setName(record.queue, record.jobSet);
    return sets.of(name, name);
  };
  const groups = Map.groupBy(jobs, (each) => `${each.place.bucket}/${setOf(each)}`);
  const blocks = [...groups.values()].flatMap(cutBlocks);
  const written = blocks.flatMap((block) => blockArguments(block, { templateOf, templates, setOf }));
  const named = jobs.filter(({ job }) => job.record.externalJobUri !== '');
  const classes = new Map(jobs.map(({ job }) => [job.record.schedulingClass, job.schedulingClass]));
  classes.delete('');
  const parameters = [
    classes.size,
    ...[...classes].flatMap(([id, bytes]) => [id, asBuffer(bytes ?? new Uint8Array())]),
    templates.values.length,
    ...templates.values.flatMap((template) => [template.id, template.class, template.bytes]),
    sets.values.length,
    ...sets.values,
    blocks.length,
    ...written,
    ...claimArguments(jobs),
    ...runArguments(jobs),
    named.length,
    ...named.flatMap((each) => [setOf(each), uriMember(each.job.record)]),
  ];
  return { partition, script: PUT_JOBS, parameters };
}

interface Shared {
  templateOf: TemplateFinder;
  templates: Numbered<Template>;
  setOf: (job: Placed) => number;
}

function blockArguments(block: readonly Placed[], { templateOf, templates, setOf }: Shared): Argument[] {
  const [first] = block;
  assert(first, 'a block has jobs');
  const { bucket, field } = first.place;
  const content = asBuffer(encodeBlock(block, MIN_COMPRESSED_BYTES));
  const parameters: Argument[] = [bucket, setOf(first), field, block.length, content];
  for (const { job, place } of block) {
    const { record, version, submittedNumber, born, last } = job;
    const template = templateOf(record);
    const number = templates.of(template.id.toString('latin1'), template);
    const numbers = { version, submitted: submittedNumber, born, last, block: field };
    const { before, after } = encodeNumbers(record, numbers);
    const stored = Buffer.concat([after, encodeRecord(record)]);
    parameters.push(place.field, number, stateByte(record), endedMs(record), before, stored);
  }
  return parameters;
}

function claimArguments(jobs: readonly Placed[]): Argument[] {
  const named = jobs.filter(({ job }) => job.record.clientId !== '');
  const claims = named.flatMap(({ job: { record, claimHash }, key }) => {
    const field = claimField(record.queue, record.clientId);
    return [spreadOfClaim(field), field, Buffer.concat([key, claimHash])];
  });
  return [named.length, ...claims];
}

function runArguments(jobs: readonly Placed[]): Argument[] {
  const runs = jobs.flatMap(({ job, key }) =>
    job.record.runs.map(({ runId }) => [...runArgument(runId), key]),
  );
  return [runs.length, ...runs.flat()];
}
