/** Randomness for ids: many are made, and asking the system for a few bytes costs as much as for thousands. */
import { randomBytes } from 'node:crypto';

/** Fresh bytes that nobody can guess, so many as asked for. */
export type Random = (bytes: number) => Uint8Array;

const BLOCK_BYTES = 4096;

/** Takes bytes from the system in blocks, and hands out none twice. */
export function createRandom(): Random {
  let block = new Uint8Array(0);
  let used = 0;
  return (bytes) => {
    if (bytes > BLOCK_BYTES / 4) return randomBytes(bytes);
    if (used + bytes > block.length) {
      block = randomBytes(BLOCK_BYTES);
      used = 0;
    }
    used += bytes;
    return block.subarray(used - bytes, used);
  };
}
