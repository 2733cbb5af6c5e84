/** Walking over the fields of an encoded message without decoding it. */

/** A place in an encoded message, and the field that was read last. */
export interface FieldCursor {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Where the next field starts. */
  at: number;
  /** Of the last field: its number, where it starts, and where its content does (strings, bytes and messages only). */
  number: number;
  start: number;
  content: number;
}

export function createFieldCursor(bytes: Uint8Array, from = 0, end = bytes.length): FieldCursor {
  return { bytes, end, at: from, number: 0, start: from, content: 0 };
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
  let isKnown = tag >>> 3 !== 0;
  switch (tag & 7) {
    case 0:
      skipVarint(cursor);
      break;
    case 1:
      cursor.at += 8;
      break;
    case 2: {
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
  cursor.start = start;
  return true;
}

/** A tag or a length: 32 bits. */
function readVarint(cursor: FieldCursor): number {
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
