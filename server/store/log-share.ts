/**
 * The bound of the log in bytes is one for the whole store. It counts entries as
 * they are stored: compressed names, and the keys of jobs, but not the events
 * and records that they name, which are kept for their own sake.
 */

/** Of the bound. What is written between two looks of retention has its place above. */
const KEPT_RATIO = 15 / 16;

/**
 * Bytes that the log of any one partition may have, so that all together have no
 * more than allowed. What quiet partitions leave is there for the busy ones.
 * @param bytes of the log of each partition
 */
export function logShare(bytes: readonly number[], mostBytes: number): number {
  let left = Math.floor(mostBytes * KEPT_RATIO);
  for (const [i, each] of bytes.toSorted((one, other) => one - other).entries()) {
    const share = Math.floor(left / (bytes.length - i));
    if (each > share) return share;
    left -= each;
  }
  return Number.MAX_SAFE_INTEGER;
}
