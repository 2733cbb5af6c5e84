/** Walking over the fields of an encoded message without decoding it. */

/** How a field that holds bytes, a string or a message is marked. */
export const LENGTH_DELIMITED = 2;

/** A place in an encoded message, and the field that was read last. */
export interface FieldCursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Where the next field starts. */
  at: number;
  /** Of the last field: its number and wire type, where it starts, and where its content does. */
  number: number;
  wireType: number;
  start: number;
  content: number;
}

export function createFieldCursor(bytes: Uint8Array, from = 0, end = bytes.length): FieldCursor {
  return { bytes, end, at: from, number: 0, wireType: 0, start: from, content: from };
}

/**
 * Moves past the next field. False at the end, and before anything that no
 * encoder of ours or of Go writes (groups, field 0, a field cut short): then
 * `at` is not `end`.
 */
export function nextField(cursor: FieldCursor): boolean {
  if (cursor.at >= cursor.end) return false;
  const start = cursor.at;
  const tag = readVarint(cursor);
  const wireType = tag & 7;
  let isKnown = tag >>> 3 !== 0;
  cursor.content = cursor.at;
  switch (wireType) {
    case 0:
      skipVarint(cursor);
      break;
    case 1:
      cursor.at += 8;
      break;
    case LENGTH_DELIMITED: {
      const length = readVarint(cursor);
      cursor.content = cursor.at;
      cursor.at += length;
      break;
    }
    case 5:
      cursor.at += 4;
      break;
    default:
      isKnown = false;
  }
  if (!isKnown || cursor.at > cursor.end) {
    cursor.at = start;
    return false;
  }
  cursor.number = tag >>> 3;
  cursor.wireType = wireType;
  cursor.start = start;
  return true;
}

/** Like nextField, for bytes of our own. Throws before anything that it would stop at. */
export function mustReadField(cursor: FieldCursor): boolean {
  if (nextField(cursor)) return true;
  if (cursor.at === cursor.end) return false;
  throw new Error(
    `an encoded message is cut off, or is none: no field at byte ${cursor.at} of ${cursor.end}`,
  );
}

/** The number that the last field, a varint of up to 32 bits, holds. */
export function numberIn({ bytes, content }: FieldCursor): number {
  return readVarint({ bytes, at: content });
}

/** 32 bits: a tag, a length, a small number. */
function readVarint(cursor: Pick<FieldCursor, 'bytes' | 'at'>): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at++] ?? 0;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  for (let shift = 7; shift < 32; shift += 7) {
    byte = bytes[cursor.at++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value >>> 0;
}

function skipVarint(cursor: FieldCursor): void {
  while ((cursor.bytes[cursor.at++] ?? 0) >= 0x80);
}
