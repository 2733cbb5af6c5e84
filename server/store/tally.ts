/**
 * What is in a store, in a few numbers: how many things of each kind, and a sum
 * over the hash of each. Two stores with the same tally hold the same, in
 * whichever order their engines give it.
 */
import { Control_Kind, JobRecord, Operation } from '@armada-ts/api/armada/store/v1/store';
import { createHash } from 'node:crypto';
import { encodeMessage } from '../model/encode.ts';
import type { CopiedJob, Part, StreamPart } from './copy.ts';

/** What is counted. */
export const TALLIED = [
  'queues',
  'executors',
  'executor settings',
  'access keys',
  'signing keys',
  'operations',
  'job sets',
  'submits of live jobs',
  'event sequences',
  'jobs',
] as const;
export type Tallied = (typeof TALLIED)[number];

export interface Tally {
  add(part: Part): void;
  count(kind: Tallied): number;
  /** Bytes of what was added, as it is kept, about. */
  readonly bytes: number;
  /** Kinds in which two tallies are not the same. */
  differences(other: Tally): Tallied[];
  /** The sum over all hashes of a kind, for comparing. */
  sum(kind: Tallied): string;
}

export function createTally(): Tally {
  const sums = new Map(TALLIED.map((kind) => [kind, createSum()]));
  let bytes = 0;
  const add = (kind: Tallied, numbers: readonly unknown[], ...content: Uint8Array[]): void => {
    for (const each of content) bytes += each.length;
    sums.get(kind)?.add([Buffer.from(JSON.stringify(numbers)), ...content]);
  };
  const tally: Tally = {
    add(part) {
      switch (part.kind) {
        case 'controls':
          for (const { kind, name, version, record } of part.controls) {
            add(CONTROLS[kind], [name, version], record);
          }
          break;
        case 'operations':
          for (const each of part.operations) add('operations', [], encodeMessage(Operation, each));
          break;
        case 'stream':
          addStream(add, part);
          break;
        case 'jobs':
          for (const job of part.jobs) addJob(add, job);
          break;
      }
    },
    count: (kind) => sums.get(kind)?.count ?? 0,
    get bytes() {
      return bytes;
    },
    sum: (kind) => sums.get(kind)?.shown() ?? '',
    differences: (other) =>
      TALLIED.filter(
        (kind) => tally.count(kind) !== other.count(kind) || tally.sum(kind) !== other.sum(kind),
      ),
  };
  return tally;
}

const CONTROLS = {
  [Control_Kind.KIND_UNSPECIFIED]: 'queues',
  [Control_Kind.KIND_QUEUE]: 'queues',
  [Control_Kind.KIND_EXECUTOR]: 'executors',
  [Control_Kind.KIND_EXECUTOR_SETTINGS]: 'executor settings',
  [Control_Kind.KIND_ACCESS_KEYS]: 'access keys',
  [Control_Kind.KIND_KEYRING]: 'signing keys',
} as const;

type Add = (kind: Tallied, numbers: readonly unknown[], ...content: Uint8Array[]) => void;

function addStream(add: Add, { jobSet, isFirst, births, sequences }: StreamPart): void {
  const { queue, name } = jobSet;
  if (isFirst) {
    const { streamCreatedMs, firstNumber, lastNumber, oldestMs = null, queued, leased, jobs } = jobSet;
    add('job sets', [queue, name, streamCreatedMs, firstNumber, lastNumber, oldestMs, queued, leased, jobs]);
  }
  for (const { number, live } of births) add('submits of live jobs', [queue, name, number, live]);
  for (const { number, atMs, bytes } of sequences) add('event sequences', [queue, name, number, atMs], bytes);
}

function addJob(add: Add, job: CopiedJob): void {
  const { record, version, submittedNumber, born, last, spec, claimHash, schedulingClass } = job;
  const parts = [
    encodeMessage(JobRecord, record),
    spec,
    claimHash,
    ...(schedulingClass ? [schedulingClass] : []),
  ];
  const lengths = parts.map(({ length }) => length);
  add('jobs', [version, submittedNumber, born, last, lengths], ...parts);
}

/** A sum over hashes, whatever the order of what is added. */
export interface Sum {
  add(content: readonly Uint8Array[]): void;
  readonly count: number;
  shown(): string;
}

export function createSum(): Sum {
  /** Added up number by number: the same content twice does not cancel itself out, as it would with XOR. */
  const lanes = new Uint32Array(8);
  let count = 0;
  return {
    add(content) {
      count++;
      const hash = createHash('sha256');
      for (const each of content) hash.update(each);
      const digest = hash.digest();
      for (let lane = 0; lane < lanes.length; lane++) {
        lanes[lane] = (lanes[lane] ?? 0) + digest.readUInt32BE(4 * lane);
      }
    },
    get count() {
      return count;
    },
    shown: () => Buffer.from(lanes.buffer).toString('hex'),
  };
}
