/**
 * Client ids make submitting repeatable: the same item under the same client id
 * is the same job. What "the same item" means is a hash over the job set and
 * the item as it was sent, before any default, so that changing a default on
 * the server changes no answer. Go writes maps in random order, so maps are
 * sorted before hashing.
 */
import { hash } from 'node:crypto';
import { sortMaps } from '@armada-ts/api/encoded/sort-maps';

/** 128 bits of SHA-256. */
const HASH_BYTES = 16;

/**
 * What a client id stands for.
 * @param item an encoded JobSubmitRequestItem
 */
export function claimHash(jobSet: string, item: Uint8Array): Buffer {
  const length = Buffer.byteLength(jobSet, 'utf8');
  const content = Buffer.allocUnsafe(4 + length + item.length);
  content.writeUInt32BE(length);
  content.write(jobSet, 4, 'utf8');
  content.set(item, 4 + length);
  sortMaps(content, 4 + length, content.length);
  return hash('sha256', content, 'buffer').subarray(0, HASH_BYTES);
}
