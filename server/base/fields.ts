/**
 * The fields of an encoded message, one after the other, without decoding what
 * they hold. For those who take a few of them and pass on the rest as it is.
 */

/** How a field that holds bytes is marked. */
export const LENGTH_DELIMITED = 2;

/** A field where it lies in the message: its tag, its content, and what is behind it. */
export interface Field {
  number: number;
  wireType: number;
  start: number;
  contentStart: number;
  end: number;
}

/** A place in front of the first field. Each `nextField` moves it on: one object for all of them. */
export function beforeFields(): Field {
  return { number: 0, wireType: 0, start: 0, contentStart: 0, end: 0 };
}

/** Moves on to the next field; false when there is none. Throws when these bytes are no encoded message. */
export function nextField(bytes: Uint8Array, field: Field): boolean {
  if (field.end === bytes.length) return false;
  field.start = field.end;
  field.contentStart = field.start;
  const tag = takeVarint(bytes, field);
  field.number = Math.floor(tag / 8);
  field.wireType = tag % 8;
  field.end = field.contentStart;
  if (field.wireType === 0) field.end = endOfVarint(bytes, field.contentStart);
  else if (field.wireType === 1) field.end += 8;
  else if (field.wireType === 5) field.end += 4;
  else if (field.wireType === LENGTH_DELIMITED) {
    const length = takeVarint(bytes, field);
    field.end = field.contentStart + length;
  } else throw new Error(`wire type ${field.wireType} in an encoded message`);
  if (field.end > bytes.length) throw cutOff();
  return true;
}

/** The number that a varint field holds. */
export function numberIn(bytes: Uint8Array, { contentStart }: Field): number {
  return takeVarint(bytes, { contentStart });
}

/** Reads the varint at `contentStart` and moves that behind it. */
function takeVarint(bytes: Uint8Array, at: { contentStart: number }): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at.contentStart++];
    if (byte === undefined) throw cutOff();
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
}

function endOfVarint(bytes: Uint8Array, start: number): number {
  const place = { contentStart: start };
  takeVarint(bytes, place);
  return place.contentStart;
}

function cutOff(): Error {
  return new Error('an encoded message is cut off');
}
