/**
 * Client ids make submitting repeatable: the same item under the same client id
 * is the same job. What "the same item" means is a hash over the job set and
 * the item as it was sent, before any default, so that changing a default on
 * the server changes no answer. Go writes maps in random order, so maps are
 * sorted before hashing.
 */
import { hash } from 'node:crypto';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { encodeMessage } from '../model/encode.ts';

/** 128 bits of SHA-256. */
const HASH_BYTES = 16;

/** What a client id stands for. */
export function claimHash(jobSet: string, item: JobSubmitRequestItem): Buffer {
  const length = Buffer.byteLength(jobSet, 'utf8');
  const encoded = encodeMessage(JobSubmitRequestItem, withSortedMaps(item));
  const content = Buffer.allocUnsafe(4 + length + encoded.length);
  content.writeUInt32BE(length);
  content.write(jobSet, 4, 'utf8');
  content.set(encoded, 4 + length);
  return hash('sha256', content, 'buffer').subarray(0, HASH_BYTES);
}

/** The message with every map in order of its keys, at any depth; what is in order already is shared, not copied. */
export function withSortedMaps<T>(value: T): T {
  return sorted(value) as T;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (value instanceof Map) return sortedMap(value);
  if (Array.isArray(value)) return sortedArray(value);
  let copy: Record<string, unknown> | undefined;
  for (const key in value) {
    const part: unknown = (value as Record<string, unknown>)[key];
    if (typeof part !== 'object' || part === null) continue;
    const inOrder = sorted(part);
    if (inOrder === part) continue;
    copy ??= { ...value };
    copy[key] = inOrder;
  }
  return copy ?? value;
}

function sortedArray(list: unknown[]): unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const inOrder = sorted(list[i]);
    if (inOrder === list[i]) continue;
    copy ??= [...list];
    copy[i] = inOrder;
  }
  return copy ?? list;
}

function sortedMap(map: Map<unknown, unknown>): Map<unknown, unknown> {
  let isSorted = true;
  let previous: unknown;
  for (const [key, value] of map) {
    if (previous !== undefined && !((previous as string) < (key as string))) isSorted = false;
    if (sorted(value) !== value) isSorted = false;
    previous = key;
  }
  if (isSorted) return map;
  const entries = [...map].map(([key, value]): [unknown, unknown] => [key, sorted(value)]);
  // Keys are texts or numbers, one kind in each map; any fixed order will do.
  return new Map(entries.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)));
}
