import { hash, randomUUID } from 'node:crypto';
import { JobSubmitRequest, JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import type { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { sortMaps } from '@armada-ts/api/encoded/sort-maps';
import type { Method } from './connect.ts';

/** An item as it goes over the wire, encoded once however often it is measured and sent. */
export interface EncodedItem {
  /** Place in the submission, from 0. */
  index: number;
  bytes: Uint8Array;
  /** Empty for a job that is in no gang. */
  gangId: string;
}

/**
 * Where items without a client id get one from. `content`: from the job set,
 * the item, and how many equal items stand before it, so that submitting the
 * same list again makes nothing twice, in whatever order labels and other maps
 * are written. `random`: from chance, so that every
 * submission makes new jobs.
 */
export type ClientIds = 'content' | 'random';

const GANG_ID = 'armadaproject.io/gangId';
/** Of 256 bits in base64url; 128 are enough to tell any two items apart. */
const HASH_LENGTH = 22;

/** Encodes the items of one submission, which must come in order. Gives every item a client id. */
export function createItemEncoder(
  jobSetId: string,
  clientIds: ClientIds,
): (item: JobSubmitRequestItem, index: number) => EncodedItem {
  const idOf = clientIds === 'random' ? randomIds() : contentIds(jobSetId);
  return (item, index) => {
    const content = JobSubmitRequestItem.encode(item).finish();
    const bytes = item.clientId === '' ? withClientId(content, idOf(content, index)) : content;
    return { index, bytes, gangId: gangOf(item) };
  };
}

export function gangOf(item: JobSubmitRequestItem): string {
  return item.annotations.get(GANG_ID) ?? '';
}

/** The content is put into canonical form first, in place, as what is sent may have any order too. */
function contentIds(jobSetId: string): (content: Uint8Array) => string {
  const seen = new Map<string, number>();
  const prefix = Buffer.from(`${jobSetId}\0`);
  return (content) => {
    sortMaps(content, 0, content.length);
    const key = hash('sha256', Buffer.concat([prefix, content]), 'base64url').slice(0, HASH_LENGTH);
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return `${key}-${before}`;
  };
}

function randomIds(): (content: Uint8Array, index: number) => string {
  const prefix = randomUUID();
  return (_, index) => `${prefix}-${index}`;
}

/** Field 8, length-delimited. Fields of a message may come in any order. */
const CLIENT_ID_TAG = 0x42;

/** Appended to what is encoded already; an id is shorter than 128 bytes, so its length is one byte. */
function withClientId(content: Uint8Array, clientId: string): Uint8Array {
  const id = Buffer.from(clientId, 'ascii');
  return Buffer.concat([content, Uint8Array.of(CLIENT_ID_TAG, id.length), id]);
}

/** A submit whose items are encoded already. */
export interface EncodedSubmit {
  queue: string;
  jobSetId: string;
  items: readonly EncodedItem[];
}

/** Field 3, length-delimited. */
const ITEM_TAG = 0x1a;

export const submitEncoded: Method<EncodedSubmit, JobSubmitResponse> = {
  path: SubmitService.submitJobs.path,
  requestSerialize: ({ queue, jobSetId, items }) => {
    const parts: Uint8Array[] = [JobSubmitRequest.encode({ queue, jobSetId, jobRequestItems: [] }).finish()];
    for (const { bytes } of items) parts.push(itemHeader(bytes.length), bytes);
    return Buffer.concat(parts);
  },
  responseDeserialize: SubmitService.submitJobs.responseDeserialize,
};

function itemHeader(length: number): Uint8Array {
  const header = [ITEM_TAG];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) header.push((rest & 0x7f) | 0x80);
  header.push(rest);
  return Uint8Array.from(header);
}
