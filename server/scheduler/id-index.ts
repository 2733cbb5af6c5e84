/**
 * Job ids by job and jobs by id, for a million jobs in a few dozen megabytes: the
 * ids packed in one array, and a hash table with open addressing over them that
 * holds nothing but job numbers. A Map of strings takes six times as much, each
 * id an object that the garbage collector walks.
 */
import { jobIdOf, jobKey } from '../model/job-key.ts';

const WORDS = 4;
const ID_BYTES = WORDS * 4;
const FIRST_SLOTS = 1024;

export interface IdIndex {
  /** Four words by job, that sort as the ids do. */
  ids: Uint32Array;
  /** A job and one more, or 0; as many as a power of two. */
  slots: Int32Array;
  /** Ids that are in it. */
  size: number;
}

export function createIdIndex(): IdIndex {
  return { ids: new Uint32Array(0), slots: new Int32Array(FIRST_SLOTS), size: 0 };
}

/** The job of this id, or -1. */
export function findId(index: IdIndex, jobId: string): number {
  const key = jobKey(jobId);
  if (key === undefined) return -1;
  const words = wordsOf(key);
  const { slots, ids } = index;
  const mask = slots.length - 1;
  for (let slot = hashOf(words, 0) & mask; ; slot = (slot + 1) & mask) {
    const job = (slots[slot] ?? 0) - 1;
    if (job === -1) return -1;
    if (isEqual(ids, job * WORDS, words)) return job;
  }
}

/** Gives a job an id that no other has. Throws for text that is no job id. */
export function addId(index: IdIndex, job: number, jobId: string): void {
  const key = jobKey(jobId);
  if (key === undefined) throw new Error(`"${jobId}" is not a job id`);
  const found = addKey(index, job, key, 0);
  if (found !== -1) throw new Error(`there is a job ${jobId} already`);
}

/**
 * Gives a job the id whose key lies there, unless another has it: that one, or -1.
 * Looked for and added in one go, for at a start most of the time goes into finding the place.
 */
export function addKey(index: IdIndex, job: number, bytes: Uint8Array, keyAt: number): number {
  // Beyond two thirds, runs of occupied slots become long.
  if ((index.size + 1) * 3 > index.slots.length * 2) rehash(index);
  const words = wordsOf(bytes, keyAt);
  const { slots } = index;
  const mask = slots.length - 1;
  let slot = hashOf(words, 0) & mask;
  for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
    const other = (slots[slot] ?? 0) - 1;
    if (isEqual(index.ids, other * WORDS, words)) return other;
  }
  if ((job + 1) * WORDS > index.ids.length) {
    const grown = new Uint32Array(Math.max((job + 1) * WORDS, index.ids.length * 2));
    grown.set(index.ids);
    index.ids = grown;
  }
  for (let word = 0; word < WORDS; word++) index.ids[job * WORDS + word] = words[word] ?? 0;
  slots[slot] = job + 1;
  index.size++;
  return -1;
}

/** Takes the job's id away. */
export function removeId(index: IdIndex, job: number): void {
  const { slots, ids } = index;
  const mask = slots.length - 1;
  let gap = hashOf(ids, job * WORDS) & mask;
  while (slots[gap] !== job + 1) {
    if (slots[gap] === 0) throw new Error('a job without an id');
    gap = (gap + 1) & mask;
  }
  index.size--;
  // What stands behind moves up, unless that would put it before its place.
  for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
    const other = (slots[slot] ?? 0) - 1;
    if (other === -1) break;
    const home = hashOf(ids, other * WORDS) & mask;
    if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
    slots[gap] = other + 1;
    gap = slot;
  }
  slots[gap] = 0;
}

export function idAt({ ids }: IdIndex, job: number): string {
  const bytes = Buffer.allocUnsafe(ID_BYTES);
  for (let word = 0; word < WORDS; word++) bytes.writeUInt32BE(ids[job * WORDS + word] ?? 0, word * 4);
  return jobIdOf(bytes);
}

/** Whether job `a` has the lower id. */
export function isIdBefore({ ids }: IdIndex, a: number, b: number): boolean {
  for (let word = 0; word < WORDS; word++) {
    const one = ids[a * WORDS + word] ?? 0;
    const other = ids[b * WORDS + word] ?? 0;
    if (one !== other) return one < other;
  }
  return false;
}

const scratch = new Uint32Array(WORDS);

/** Valid until it is called again. */
function wordsOf(key: Uint8Array, keyAt = 0): Uint32Array {
  for (let word = 0, at = keyAt; word < WORDS; word++, at += 4) {
    scratch[word] =
      byteAt(key, at) * 2 ** 24 +
      byteAt(key, at + 1) * 2 ** 16 +
      byteAt(key, at + 2) * 2 ** 8 +
      byteAt(key, at + 3);
  }
  return scratch;
}

function byteAt(key: Uint8Array, at: number): number {
  return key[at] ?? 0;
}

/** Ids of one request differ in a few bits only, so every bit must count for all of the hash. */
function hashOf(words: Uint32Array, at: number): number {
  let hash = 0;
  for (let word = 0; word < WORDS; word++) {
    hash = Math.imul(hash ^ (words[at + word] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0x85ebca77);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function isEqual(ids: Uint32Array, at: number, words: Uint32Array): boolean {
  for (let word = 0; word < WORDS; word++) if (ids[at + word] !== words[word]) return false;
  return true;
}

function occupy({ slots, ids }: IdIndex, job: number): void {
  const mask = slots.length - 1;
  let slot = hashOf(ids, job * WORDS) & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = job + 1;
}

/** All jobs into a table of twice the size. */
function rehash(index: IdIndex): void {
  const before = index.slots;
  index.slots = new Int32Array(before.length * 2);
  for (const taken of before) if (taken !== 0) occupy(index, taken - 1);
}
