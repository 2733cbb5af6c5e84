/**
 * A submit request in the bytes it came in. Its items are decoded one by one, as
 * they are looked at: a decoded item takes ten times the room of its bytes, and
 * a whole request of them would outlive the young generation of the heap, which
 * costs more than decoding. The bytes are also what is hashed, measured and kept
 * of a job, at a fraction of encoding it again.
 */
import { JobSubmitRequest, JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { createFieldCursor, nextField } from '@armada-ts/api/encoded/fields';
import { readerOf } from '@armada-ts/api/encoded/reader';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { UndecodableError } from '../base/errors.ts';

/** A submit request whose items are encoded JobSubmitRequestItems. */
export interface ReceivedSubmit {
  queue: string;
  jobSetId: string;
  items: readonly Uint8Array[];
}

/** An item with its bytes. */
export interface ReceivedItem {
  item: JobSubmitRequestItem;
  bytes: Uint8Array;
  /** The modern field, or the only entry of the older list. */
  podSpec: PodSpec | undefined;
  /** The bytes of podSpec; none when there is none. */
  podSpecBytes: Uint8Array;
}

/** Field numbers of the contract. */
const REQUEST_ITEMS = 3;
const ITEM_POD_SPEC = 2;
const ITEM_POD_SPECS = 7;

/** A request but for its items, which stay as they are. Throws what decoding throws. */
export function decodeSubmit(bytes: Uint8Array): ReceivedSubmit {
  const items: Uint8Array[] = [];
  const others: Uint8Array[] = [];
  const cursor = createFieldCursor(bytes);
  while (nextField(cursor)) {
    if (cursor.number === REQUEST_ITEMS) items.push(bytes.subarray(cursor.content, cursor.at));
    else others.push(bytes.subarray(cursor.start, cursor.at));
  }
  // Decoding knows what to make of what cannot be walked over.
  if (cursor.at !== cursor.end) return encodeItems(JobSubmitRequest.decode(bytes));
  const { queue, jobSetId } = JobSubmitRequest.decode(Buffer.concat(others));
  return { queue, jobSetId, items };
}

/** The same of a request that did not come over the wire. */
export function encodeItems({ queue, jobSetId, jobRequestItems }: JobSubmitRequest): ReceivedSubmit {
  return {
    queue,
    jobSetId,
    items: jobRequestItems.map((item) => JobSubmitRequestItem.encode(item).finish()),
  };
}

/** Decodes an item. Throws UndecodableError. */
export function decodeItem(bytes: Uint8Array): ReceivedItem {
  let item: JobSubmitRequestItem;
  try {
    item = JobSubmitRequestItem.decode(readerOf(bytes));
  } catch (error) {
    throw new UndecodableError(error instanceof Error ? error.message : String(error));
  }
  const podSpec = item.podSpec ?? item.podSpecs[0];
  return { item, bytes, podSpec, podSpecBytes: podSpec ? podSpecBytesOf(item, bytes, podSpec) : NO_BYTES };
}

const NO_BYTES = new Uint8Array(0);

function podSpecBytesOf(item: JobSubmitRequestItem, bytes: Uint8Array, podSpec: PodSpec): Uint8Array {
  const wanted = item.podSpec === undefined ? ITEM_POD_SPECS : ITEM_POD_SPEC;
  const cursor = createFieldCursor(bytes);
  let found: Uint8Array | undefined;
  while (nextField(cursor)) {
    // Of a single field the last one counts, of a list the first is the one entry allowed.
    if (cursor.number === wanted && (found === undefined || wanted === ITEM_POD_SPEC)) {
      found = bytes.subarray(cursor.content, cursor.at);
    }
  }
  return found === undefined || cursor.at !== cursor.end ? PodSpec.encode(podSpec).finish() : found;
}
