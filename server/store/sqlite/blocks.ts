/**
 * Blocks: the specs of one request, compressed together because they are
 * nearly alike, and bounded so that one of them is read cheaply.
 *
 * A block is named by its first job. Ids of a request differ only in their
 * index, so the block of a job is the last one whose name is not after the
 * job's: no look-up table is needed. It counts the jobs whose records are still
 * kept and goes with the last of them.
 *
 *     content = count, then count x (index, length), then the specs; numbers are
 *               32 bits, little-endian
 */
import type { DatabaseSync } from 'node:sqlite';
import { placeOfJob } from '../../model/ids.ts';
import { pack, unpack } from './pack.ts';
import { query } from './schema.ts';

const MAX_BLOCK_JOBS = 256;
const MAX_BLOCK_BYTES = 256 * 1024;

const NAME_OF_BLOCK = 'SELECT max(id) AS id FROM block WHERE id <= ?';

/** A spec on its way into a block. */
export interface NewSpec {
  jobId: string;
  key: Uint8Array;
  spec: Uint8Array;
}

/** Cuts the specs of a request, in rising order of ids, into blocks. */
export function cutBlocks(specs: readonly NewSpec[]): NewSpec[][] {
  const blocks: NewSpec[][] = [];
  let block: NewSpec[] = [];
  let bytes = 0;
  let prefix = '';
  for (const spec of specs) {
    const full = block.length === MAX_BLOCK_JOBS || bytes + spec.spec.length > MAX_BLOCK_BYTES;
    if (block.length === 0 || full || !spec.jobId.startsWith(prefix)) {
      block = [];
      blocks.push(block);
      bytes = 0;
      prefix = placeOfJob(spec.jobId).prefix;
    }
    block.push(spec);
    bytes += spec.spec.length;
  }
  return blocks;
}

/** The stored form of a block. */
export function encodeBlock(block: readonly NewSpec[]): Uint8Array {
  const start = 4 + 8 * block.length;
  const total = block.reduce((sum, { spec }) => sum + spec.length, start);
  const content = new Uint8Array(total);
  const numbers = new DataView(content.buffer);
  numbers.setUint32(0, block.length, true);
  let at = start;
  for (const [i, { jobId, spec }] of block.entries()) {
    numbers.setUint32(4 + 8 * i, placeOfJob(jobId).index, true);
    numbers.setUint32(8 + 8 * i, spec.length, true);
    content.set(spec, at);
    at += spec.length;
  }
  return pack(content);
}

/** The specs of a stored block by their index in the request. */
export function decodeBlock(bytes: Uint8Array): Map<number, Uint8Array> {
  const content = unpack(bytes);
  const numbers = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const count = numbers.getUint32(0, true);
  const specs = new Map<number, Uint8Array>();
  let at = 4 + 8 * count;
  for (let i = 0; i < count; i++) {
    const length = numbers.getUint32(8 + 8 * i, true);
    specs.set(numbers.getUint32(4 + 8 * i, true), content.subarray(at, at + length));
    at += length;
  }
  return specs;
}

/** Statements that keep blocks, for the writer. */
export function prepareBlocks(db: DatabaseSync) {
  const insert = query(db, 'INSERT INTO block (id, jobs, bytes) VALUES (?, ?, ?)');
  const name = query<{ id: Uint8Array | null }>(db, NAME_OF_BLOCK);
  const release = query<{ jobs: number }>(db, 'UPDATE block SET jobs = jobs - ? WHERE id = ? RETURNING jobs');
  const remove = query(db, 'DELETE FROM block WHERE id = ?');
  return {
    add(specs: readonly NewSpec[]): void {
      for (const block of cutBlocks(specs)) {
        const [first] = block;
        if (first) insert.run(first.key, block.length, encodeBlock(block));
      }
    },
    /** These jobs are kept no longer. Counted before it is written: an update writes the whole block. */
    release(keys: readonly Uint8Array[]): void {
      const gone = new Map<string, { id: Uint8Array; jobs: number }>();
      for (const key of keys) {
        const id = name.get(key)?.id;
        if (!id) continue;
        const text = Buffer.from(id).toString('latin1');
        const known = gone.get(text);
        if (known) known.jobs++;
        else gone.set(text, { id, jobs: 1 });
      }
      for (const { id, jobs } of gone.values()) {
        if (release.get(jobs, id)?.jobs === 0) remove.run(id);
      }
    },
  };
}

/** Decoded blocks that are remembered, so that leasing a request job by job unpacks its block once. */
const REMEMBERED_BLOCKS = 16;

/** Reads single specs. */
export function prepareSpecs(db: DatabaseSync): (jobId: string, key: Uint8Array) => Uint8Array | undefined {
  const name = query<{ id: Uint8Array | null }>(db, NAME_OF_BLOCK);
  const content = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM block WHERE id = ?');
  const remembered = new Map<string, Map<number, Uint8Array>>();
  return (jobId, key) => {
    const id = name.get(key)?.id;
    if (!id) return undefined;
    const text = Buffer.from(id).toString('latin1');
    let specs = remembered.get(text);
    if (!specs) {
      const row = content.get(id);
      if (!row) return undefined;
      specs = decodeBlock(row.bytes);
      const oldest = remembered.size < REMEMBERED_BLOCKS ? undefined : remembered.keys().next().value;
      if (oldest !== undefined) remembered.delete(oldest);
      remembered.set(text, specs);
    }
    return specs.get(placeOfJob(jobId).index);
  };
}
