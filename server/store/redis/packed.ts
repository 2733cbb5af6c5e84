/**
 * Many small values as one argument of a script (scripts/append.ts), which reads
 * them with struct.unpack: an argument of its own costs Redis, Lua and the
 * connection more than what most of these hold. Numbers are big-endian; texts
 * and records stand behind their length, which is written as protobuf does.
 */
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { Empty } from '@armada-ts/api/google/protobuf/empty';
import assert from 'node:assert/strict';
import { encodeMessage } from '../../model/encode.ts';
import { runKey } from '../keys.ts';
import { spreadOfClaim, spreadOfRun } from './keys.ts';
import { endedMs, runCount, stateByte } from './records.ts';

type Writer = ReturnType<typeof Empty.encode>;

/** A client id that is to stand for a job. */
export interface PackedClaim {
  field: string;
  /** Of the job. */
  key: Uint8Array;
  hash: Uint8Array;
}

/** A new job: its index in the bucket, the number of its template in the batch, the record, and the bytes of it that are kept. */
export interface PackedCreation {
  field: number;
  template: number;
  record: JobRecord;
  own: Uint8Array;
}

export interface PackedChange extends PackedCreation {
  expectedVersion: number;
  /** Number of its job set in the batch. */
  set: number;
  key: Uint8Array;
}

/** Of each `I2`, where it is; then field and value. */
export function encodeClaims(claims: readonly PackedClaim[]): Buffer {
  return encodeMessage(CLAIMS, claims);
}

/** Of each `BI2BI6B`: index, template, state, end, count of runs; then the record. */
export function encodeCreations(jobs: readonly PackedCreation[]): Buffer {
  return encodeMessage(CREATIONS, jobs);
}

/**
 * Of each `BI2BI6BI6I2c16I2`: what a new one has, then version, job set, key, and
 * how many runs follow; then the record; then of each run `I2c16`, where it is
 * and its key.
 */
export function encodeChanges(jobs: readonly PackedChange[]): Buffer {
  return encodeMessage(CHANGES, jobs);
}

/** Filled, and copied from, for one job after another. */
const HEADS = {
  claim: Buffer.alloc(2),
  creation: Buffer.alloc(11),
  change: Buffer.alloc(37),
  run: Buffer.alloc(2),
};

const CLAIMS = {
  encode(claims: readonly PackedClaim[], kept?: Writer): Writer {
    const writer = Empty.encode(Empty.create(), kept);
    for (const { field, key, hash } of claims) {
      HEADS.claim.writeUInt16BE(spreadOfClaim(field));
      writer.raw(HEADS.claim).string(field);
      writer
        .uint32(key.length + hash.length)
        .raw(key)
        .raw(hash);
    }
    return writer;
  },
};

const CREATIONS = {
  encode(jobs: readonly PackedCreation[], kept?: Writer): Writer {
    const writer = Empty.encode(Empty.create(), kept);
    for (const job of jobs) {
      writeHead(HEADS.creation, job);
      writer.raw(HEADS.creation).bytes(job.own);
    }
    return writer;
  },
};

const CHANGES = {
  encode(jobs: readonly PackedChange[], kept?: Writer): Writer {
    const writer = Empty.encode(Empty.create(), kept);
    for (const job of jobs) {
      const { runs } = job.record;
      let at = writeHead(HEADS.change, job);
      at = HEADS.change.writeUIntBE(job.expectedVersion, at, 6);
      at = HEADS.change.writeUInt16BE(job.set, at);
      HEADS.change.set(job.key, at);
      HEADS.change.writeUInt16BE(runs.length, at + job.key.length);
      writer.raw(HEADS.change).bytes(job.own);
      for (const { runId } of runs) {
        const key = runKey(runId);
        assert(key, `"${runId}" is not a run id`);
        HEADS.run.writeUInt16BE(spreadOfRun(runId));
        writer.raw(HEADS.run).raw(key);
      }
    }
    return writer;
  },
};

/** What comes first of every job; where that ends. */
function writeHead(head: Buffer, { field, template, record }: PackedCreation): number {
  head[0] = field;
  let at = head.writeUInt16BE(template, 1);
  head[at++] = stateByte(record);
  at = head.writeUIntBE(endedMs(record), at, 6);
  head[at++] = runCount(record);
  return at;
}
