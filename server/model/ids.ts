import { hash } from 'node:crypto';
import { DIGIT_VALUES, DIGITS } from './crockford.ts';

/**
 * Ids that say where their thing is.
 *
 * A job id is a ULID in lower case whose random part is laid out as
 *
 *     tttttttttt rrrrrrrrrr iiii ss
 *     time (ms)  request    index slot
 *
 * 10 characters drawn once for a request, 4 for the job's place in it (so up to
 * 2^20 jobs), 2 for the slot of its queue. From the id alone follow the
 * partition, the job's record and the block that holds its spec: cancelling by
 * id needs no look-up table. Old ids never move, so none of this may change.
 *
 * A run id is a UUID (version 8) that carries the slot in its first 10 bits.
 */

/** Number of slots queues are spread over; part of every id, hence fixed for good. */
export const SLOTS = 1024;

/** Most jobs of one request, by the four index characters. */
export const MAX_JOBS_PER_REQUEST = 2 ** 20;

const JOB_ID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Slot of a queue: the first 10 bits of the SHA-256 of its name. */
export function slotOfQueue(queue: string): number {
  if (queue !== last.queue) {
    const digest = hash('sha256', queue, 'buffer');
    last = { queue, slot: ((digest[0] ?? 0) << 2) | ((digest[1] ?? 0) >> 6) };
  }
  return last.slot;
}

/** Whoever writes to a queue often writes to it again, and asks several times for each batch. */
let last: { queue: string | undefined; slot: number } = { queue: undefined, slot: 0 };

/** Partition of a slot in a store of `partitions` partitions. */
export function partitionOfSlot(slot: number, partitions: number): number {
  return slot % partitions;
}

/** Whether the text has the shape of a job id; it may still name no job. */
export function isJobId(text: string): boolean {
  return JOB_ID.test(text);
}

/** Whether the text has the shape of a run id. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/**
 * What all job ids of one request share.
 * @param now milliseconds since the Unix epoch
 * @param random at least 7 bytes
 */
export function requestPrefix(now: number, random: Uint8Array): string {
  // Seven bytes are more than a double holds, so they are taken in two parts of 25 bits.
  const byte = (i: number): number => random[i] ?? 0;
  const high = ((byte(0) & 1) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3);
  const low = ((byte(0) & 2) << 23) | (byte(4) << 16) | (byte(5) << 8) | byte(6);
  return encode(Math.floor(now), 10) + encode(high, 5) + encode(low, 5);
}

/** The id of the job at `index` of a request to a queue with this slot. */
export function jobId(prefix: string, index: number, slot: number): string {
  return prefix + encode(index, 4) + encode(slot, 2);
}

/** The parts of a job id that say where it is. The caller has checked isJobId. */
export function placeOfJob(id: string): { prefix: string; index: number; slot: number } {
  return { prefix: id.slice(0, 20), index: decode(id, 20, 24), slot: decode(id, 24, 26) };
}

/**
 * A run id for a job of this slot.
 * @param random 16 bytes
 */
export function runId(slot: number, random: Uint8Array): string {
  const bytes = Buffer.from(random.subarray(0, 16));
  bytes[0] = slot >> 2;
  bytes[1] = ((slot & 3) << 6) | ((bytes[1] ?? 0) & 0x3f);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Slot of a run. The caller has checked isRunId. */
export function slotOfRun(id: string): number {
  return Number.parseInt(id.slice(0, 3), 16) >> 2;
}

/** The lowest `length` base-32 digits of a whole number below 2^53. */
function encode(value: number, length: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < length; i++) {
    text = DIGITS.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** The number that some characters of a text are. */
function decode(text: string, from: number, end: number): number {
  let value = 0;
  for (let i = from; i < end; i++) value = value * 32 + (DIGIT_VALUES[text.charCodeAt(i)] ?? 0);
  return value;
}
