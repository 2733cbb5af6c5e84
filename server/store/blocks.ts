/**
 * Blocks: the specs of one request, compressed together because they are
 * nearly alike, and bounded so that one of them is read cheaply.
 *
 *     content = count, then count x (index, length), then the specs; numbers are
 *               32 bits, little-endian
 */
import { placeOfJob } from '../model/ids.ts';
import { pack, unpack } from './pack.ts';

const MAX_BLOCK_JOBS = 256;
const MAX_BLOCK_BYTES = 256 * 1024;

/** A spec on its way into a block. */
export interface NewSpec {
  jobId: string;
  spec: Uint8Array;
}

/** Cuts the specs of a request, in rising order of ids, into blocks. */
export function cutBlocks<Spec extends NewSpec>(specs: readonly Spec[]): Spec[][] {
  const blocks: Spec[][] = [];
  let block: Spec[] = [];
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

/** The stored form of a block. @param minCompressedBytes see pack */
export function encodeBlock(block: readonly NewSpec[], minCompressedBytes?: number): Uint8Array {
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
  return pack(content, minCompressedBytes);
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

/** Decoded blocks that are remembered, so that leasing a request job by job unpacks its block once. */
const REMEMBERED_BLOCKS = 16;

/** The blocks that were decoded last, by their names. */
export interface DecodedBlocks {
  get(name: string): Map<number, Uint8Array> | undefined;
  /** Decodes a stored block and remembers it. */
  add(name: string, bytes: Uint8Array): Map<number, Uint8Array>;
}

export function rememberBlocks(): DecodedBlocks {
  const remembered = new Map<string, Map<number, Uint8Array>>();
  return {
    get: (name) => remembered.get(name),
    add(name, bytes) {
      const specs = decodeBlock(bytes);
      const oldest = remembered.size < REMEMBERED_BLOCKS ? undefined : remembered.keys().next().value;
      if (oldest !== undefined) remembered.delete(oldest);
      remembered.set(name, specs);
      return specs;
    },
  };
}
