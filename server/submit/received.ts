/**
 * A submit request together with the bytes it came in: what is hashed, measured
 * and kept of a job is taken from these, which costs a fraction of encoding the
 * decoded job again.
 */
import { JobSubmitRequest, JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { createFieldCursor, nextField } from './fields.ts';

/** A submit request; one that came over the wire has its items as they were sent. */
export interface ReceivedSubmit extends JobSubmitRequest {
  encodedItems?: readonly EncodedItem[];
}

/** An encoded JobSubmitRequestItem, and within it the PodSpec that podSpecOf finds when decoded. */
export interface EncodedItem {
  bytes: Uint8Array;
  podSpec: Uint8Array;
}

/** Field numbers of the contract. */
const REQUEST_ITEMS = 3;
const ITEM_POD_SPEC = 2;
const ITEM_POD_SPECS = 7;

/** Decodes a request and keeps where its items are. Throws what decoding throws. */
export function decodeSubmit(bytes: Uint8Array): ReceivedSubmit {
  const request = JobSubmitRequest.decode(bytes);
  const encodedItems: EncodedItem[] = [];
  const cursor = createFieldCursor(bytes);
  while (nextField(cursor)) {
    if (cursor.number !== REQUEST_ITEMS) continue;
    const item = request.jobRequestItems[encodedItems.length];
    if (item === undefined) break;
    encodedItems.push(encodedItem(bytes.subarray(cursor.content, cursor.at), item));
  }
  return cursor.at === cursor.end ? { ...request, encodedItems } : request;
}

/** The items of a request in encoded form, in order. */
export function encodedItemsOf(request: ReceivedSubmit): readonly EncodedItem[] {
  return request.encodedItems ?? request.jobRequestItems.map(encodeItem);
}

/** The pod spec of an item: the modern field, or the only entry of the older list. */
export function podSpecOf(item: JobSubmitRequestItem): PodSpec | undefined {
  return item.podSpec ?? item.podSpecs[0];
}

function encodedItem(bytes: Uint8Array, item: JobSubmitRequestItem): EncodedItem {
  const wanted = item.podSpec === undefined ? ITEM_POD_SPECS : ITEM_POD_SPEC;
  const cursor = createFieldCursor(bytes);
  let podSpec: Uint8Array | undefined;
  while (nextField(cursor)) {
    // Of a single field the last one counts, of a list the first is the one entry allowed.
    if (cursor.number === wanted && (podSpec === undefined || wanted === ITEM_POD_SPEC)) {
      podSpec = bytes.subarray(cursor.content, cursor.at);
    }
  }
  return podSpec === undefined || cursor.at !== cursor.end ? encodeItem(item) : { bytes, podSpec };
}

function encodeItem(item: JobSubmitRequestItem): EncodedItem {
  const podSpec = podSpecOf(item);
  return {
    bytes: JobSubmitRequestItem.encode(item).finish(),
    podSpec: podSpec === undefined ? new Uint8Array(0) : PodSpec.encode(podSpec).finish(),
  };
}
