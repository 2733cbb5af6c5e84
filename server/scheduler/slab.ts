/**
 * Byte strings in large blocks instead of one object each: a million records
 * cost the garbage collector nothing and their own size in memory.
 *
 * A record takes whole grains, and what it gives back is used by the next one
 * of as many grains.
 */
const GRAIN_BYTES = 16;
const BLOCK_BYTES = 1 << 20;
const GRAINS_A_BLOCK = BLOCK_BYTES / GRAIN_BYTES;
/** In front of each record, its length. */
const HEADER_BYTES = 4;

export interface Slab {
  readonly blocks: Buffer[];
  /** First grain that was never used. */
  end: number;
  /** Grains given back, by how many belong together. */
  readonly free: Map<number, number[]>;
  /** What is too long for a block; its handles are negative. */
  readonly large: Map<number, Uint8Array>;
  nextLarge: number;
}

export function createSlab(): Slab {
  return { blocks: [], end: 0, free: new Map(), large: new Map(), nextLarge: -1 };
}

/** Keeps a copy of the bytes; the handle finds them again. */
export function keepBytes(slab: Slab, bytes: Uint8Array): number {
  const grains = Math.ceil((bytes.length + HEADER_BYTES) / GRAIN_BYTES);
  if (grains > GRAINS_A_BLOCK) {
    const handle = slab.nextLarge--;
    slab.large.set(handle, bytes.slice());
    return handle;
  }
  const handle = slab.free.get(grains)?.pop() ?? takeNew(slab, grains);
  const block = blockOf(slab, handle);
  const start = (handle % GRAINS_A_BLOCK) * GRAIN_BYTES;
  block.writeUInt32LE(bytes.length, start);
  block.set(bytes, start + HEADER_BYTES);
  return handle;
}

/** A view that is valid until the record is dropped. */
export function readBytes(slab: Slab, handle: number): Uint8Array {
  const large = slab.large.get(handle);
  if (large) return large;
  const block = blockOf(slab, handle);
  const start = (handle % GRAINS_A_BLOCK) * GRAIN_BYTES;
  const length = block.readUInt32LE(start);
  return block.subarray(start + HEADER_BYTES, start + HEADER_BYTES + length);
}

export function dropBytes(slab: Slab, handle: number): void {
  if (slab.large.delete(handle)) return;
  const grains = Math.ceil((readBytes(slab, handle).length + HEADER_BYTES) / GRAIN_BYTES);
  giveBack(slab, handle, grains);
}

function takeNew(slab: Slab, grains: number): number {
  const left = GRAINS_A_BLOCK - (slab.end % GRAINS_A_BLOCK);
  const isFull = slab.end === slab.blocks.length * GRAINS_A_BLOCK;
  if (!isFull && left < grains) {
    giveBack(slab, slab.end, left);
    slab.end += left;
  }
  if (slab.end === slab.blocks.length * GRAINS_A_BLOCK) slab.blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
  const handle = slab.end;
  slab.end += grains;
  return handle;
}

function giveBack(slab: Slab, handle: number, grains: number): void {
  const list = slab.free.get(grains);
  if (list) list.push(handle);
  else slab.free.set(grains, [handle]);
}

function blockOf(slab: Slab, handle: number): Buffer {
  const block = slab.blocks[Math.floor(handle / GRAINS_A_BLOCK)];
  if (block === undefined) throw new Error('no such record in the slab');
  return block;
}
