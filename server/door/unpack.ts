/**
 * Unpacking what clients have packed. A few KiB can hold a thousand times as
 * much, and the library's own ways unpack whatever has arrived at the same time,
 * a little of each by turns: so seven hundred such requests of one client held
 * three gigabytes. Here few are unpacked at a time, each whole.
 */
import { promisify } from 'node:util';
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
  type ZlibOptions,
} from 'node:zlib';

export type Packing = 'gzip' | 'deflate' | 'br';

type Unpacked<Result> = (bytes: Uint8Array, options: ZlibOptions) => Result;

const AT_ONCE: Readonly<Record<Packing, Unpacked<Buffer>>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

const ELSEWHERE: Readonly<Record<Packing, Unpacked<Promise<Buffer>>>> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** What is small, and stays so, costs less than to have it done by another thread: some 20 µs. */
const SMALL_BYTES = 16 * 1024;
const SMALL_UNPACKED_BYTES = 256 * 1024;

/** As many threads as a small machine has cores. */
const MAX_RUNNING = 2;

/** How much another thread unpacks before this one hears of it. */
const CHUNK_BYTES = 256 * 1024;

let running = 0;
const waiting: (() => void)[] = [];

/** Rejects when it is more than so many bytes, see isTooMuch, or not packed so. */
export async function unpack(packing: Packing, bytes: Uint8Array, maxBytes: number): Promise<Buffer> {
  if (bytes.length <= SMALL_BYTES) {
    try {
      return AT_ONCE[packing](bytes, { maxOutputLength: Math.min(maxBytes, SMALL_UNPACKED_BYTES) });
    } catch (error) {
      if (!isTooMuch(error) || maxBytes <= SMALL_UNPACKED_BYTES) throw error;
    }
  }
  if (running >= MAX_RUNNING) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await ELSEWHERE[packing](bytes, { maxOutputLength: maxBytes, chunkSize: CHUNK_BYTES });
  } finally {
    const next = waiting.shift();
    // The place goes to whoever has waited longest.
    if (next) next();
    else running--;
  }
}

/** Whether unpacking failed because it gave more than was allowed. */
export function isTooMuch(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
