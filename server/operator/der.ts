/**
 * As much of ASN.1's distinguished encoding (X.690) as it takes to write a
 * certificate. Reading is left to OpenSSL.
 */

const TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** In its context, and made of other values. */
  context: 0xa0,
  /** In its context, and a value itself. */
  contextValue: 0x80,
} as const;

/** Years before this are written with two digits (RFC 5280, section 4.1.2.5). */
const FIRST_LONG_YEAR = 2050;

export function sequence(...values: readonly Uint8Array[]): Buffer {
  return tagged(TAGS.sequence, Buffer.concat(values));
}

export function setOf(...values: readonly Uint8Array[]): Buffer {
  return tagged(TAGS.set, Buffer.concat(values));
}

export function boolean(value: boolean): Buffer {
  return tagged(TAGS.boolean, Buffer.of(value ? 0xff : 0));
}

/** A number that is not negative, from its bytes, the highest first. */
export function integer(magnitude: Uint8Array): Buffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const bytes = first < 0 ? Buffer.of(0) : magnitude.subarray(first);
  // A first bit that is set would make it negative.
  const isHigh = (bytes[0] ?? 0) >= 0x80;
  return tagged(TAGS.integer, isHigh ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** By its numbers, such as `2.5.29.17`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(TAGS.objectId, Buffer.from([first * 40 + second, ...rest].flatMap(inSevens)));
}

/** Seven bits a byte, all but the last marked. */
function inSevens(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest % 128) + 128);
  }
  return bytes;
}

export function utf8String(text: string): Buffer {
  return tagged(TAGS.utf8String, Buffer.from(text));
}

export function octetString(bytes: Uint8Array): Buffer {
  return tagged(TAGS.octetString, bytes);
}

/** @param unusedBits of the last byte */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(TAGS.bitString, Buffer.concat([Buffer.of(unusedBits), bytes]));
}

/** To the second. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isLong = Number(digits.slice(0, 4)) >= FIRST_LONG_YEAR;
  return isLong
    ? tagged(TAGS.generalizedTime, Buffer.from(digits))
    : tagged(TAGS.utcTime, Buffer.from(digits.slice(2)));
}

/** Values under a number that means something where they stand. */
export function inContext(number: number, ...values: readonly Uint8Array[]): Buffer {
  return tagged(TAGS.context + number, Buffer.concat(values));
}

/** The same of one value, without its own tag. */
export function valueInContext(number: number, bytes: Uint8Array): Buffer {
  return tagged(TAGS.contextValue + number, bytes);
}

function tagged(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes);
  const digits: number[] = [];
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.of(0x80 + digits.length, ...digits);
}
