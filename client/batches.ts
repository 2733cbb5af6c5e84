import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { type EncodedItem, gangOf } from './encoded-items.ts';

/** How large requests may become. */
export interface BatchLimits {
  /** Items of one request. */
  maxItems: number;
  /** Encoded items of one request together. */
  maxBytes: number;
}

/**
 * Cuts items into requests within the limits, in order. The members of a gang go
 * together where the first of them stands, because a gang is accepted only
 * whole; a gang or an item that is too large for any request goes alone, for
 * the server to judge.
 */
export function* batches(
  items: readonly JobSubmitRequestItem[],
  encode: (item: JobSubmitRequestItem, index: number) => EncodedItem,
  limits: BatchLimits,
): Generator<EncodedItem[]> {
  let batch: EncodedItem[] = [];
  let batchBytes = 0;
  for (const unit of units(items, encode)) {
    const unitBytes = unit.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const isFull = batch.length + unit.length > limits.maxItems || batchBytes + unitBytes > limits.maxBytes;
    if (batch.length > 0 && isFull) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push(...unit);
    batchBytes += unitBytes;
  }
  if (batch.length > 0) yield batch;
}

/** What goes together: single items and whole gangs. */
function* units(
  items: readonly JobSubmitRequestItem[],
  encode: (item: JobSubmitRequestItem, index: number) => EncodedItem,
): Generator<EncodedItem[]> {
  const gangs = gangMembers(items);
  for (const [index, item] of items.entries()) {
    const members = gangs.get(gangOf(item));
    if (members === undefined) yield [encode(item, index)];
    else if (members[0]?.index === index) yield members.map((member) => encode(member.item, member.index));
  }
}

interface Member {
  item: JobSubmitRequestItem;
  index: number;
}

function gangMembers(items: readonly JobSubmitRequestItem[]): Map<string, Member[]> {
  const gangs = new Map<string, Member[]>();
  for (const [index, item] of items.entries()) {
    const gangId = gangOf(item);
    if (gangId === '') continue;
    const members = gangs.get(gangId);
    if (members) members.push({ item, index });
    else gangs.set(gangId, [{ item, index }]);
  }
  return gangs;
}
