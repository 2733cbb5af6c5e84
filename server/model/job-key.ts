/**
 * Job ids as bytes: 16 instead of 26 characters, in the same order. Where a
 * million of them are kept or indexed, they are kept like this.
 */
import { DIGIT_VALUES, DIGITS } from './crockford.ts';

/** Bytes of a job id; undefined for text that is none. */
export function jobKey(jobId: string): Uint8Array | undefined {
  // 26 characters hold 130 bits; the first two are always 0.
  if (jobId.length !== 26 || jobId.charCodeAt(0) > LAST_FIRST) return undefined;
  const key = new Uint8Array(16);
  let pending = 0;
  let bits = -2;
  let at = 0;
  for (let i = 0; i < 26; i++) {
    const value = DIGIT_VALUES[jobId.charCodeAt(i)] ?? 255;
    if (value > 31) return undefined;
    pending = (pending << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      key[at++] = pending >> bits;
      pending &= (1 << bits) - 1;
    }
  }
  return key;
}

/** The key of the job at this index of the same request and queue. */
export function keyAtIndex(key: Uint8Array, index: number): Uint8Array {
  const other = Uint8Array.from(key);
  // The last 32 bits: 2 of the request, 20 of the index, 10 of the slot.
  other[12] = ((key[12] ?? 0) & 0xc0) | (index >> 14);
  other[13] = index >> 6;
  other[14] = ((index << 2) & 0xff) | ((key[14] ?? 0) & 0x03);
  return other;
}

/** The first character of an id is no higher. */
const LAST_FIRST = '7'.charCodeAt(0);

/** Character codes of the digits. */
const CODES = Buffer.from(DIGITS, 'latin1');
/** Where a text is put together. */
const text = Buffer.alloc(26);

/** The job id that jobKey turned into these bytes. */
export function jobIdOf(key: Uint8Array): string {
  let pending = 0;
  let bits = 2;
  let at = 0;
  for (let i = 0; i < 16; i++) {
    pending = (pending << 8) | (key[i] ?? 0);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text[at++] = CODES[pending >> bits] ?? 0;
      pending &= (1 << bits) - 1;
    }
  }
  return text.toString('latin1');
}
