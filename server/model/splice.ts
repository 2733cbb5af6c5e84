/**
 * Changing an encoded message without decoding all of it. A lease is the stored
 * spec with two more map entries, and what watchers see of a submit holds the
 * stored pod spec as it is: decoding and encoding it again would be most of
 * what these cost. What is not known of a message stays in it.
 */
import {
  createFieldCursor,
  type FieldCursor,
  LENGTH_DELIMITED,
  mustReadField,
} from '@armada-ts/api/encoded/fields';

/**
 * The message with `addition`, encoded fields, at the end of the message that
 * lies at `path`, field number by field number. Without such a message it stays
 * as it is. Throws when these are no encoded messages.
 */
export function appendWithin(bytes: Uint8Array, path: readonly number[], addition: Uint8Array): Uint8Array {
  if (path.length === 0) return Buffer.concat([bytes, addition]);
  const places = placesOf(bytes, path);
  const inner = places?.at(-1);
  return places && inner ? splice(bytes, places, { from: inner.end, end: inner.end, addition }) : bytes;
}

/** The message with an empty one in place of the message at `path`, and what that held; undefined when there is none. */
export function cutWithin(
  bytes: Uint8Array,
  path: readonly [number, ...number[]],
): { rest: Uint8Array; content: Uint8Array } | undefined {
  const places = placesOf(bytes, path);
  const inner = places?.at(-1);
  if (!places || !inner) return undefined;
  const rest = splice(bytes, places, { from: inner.content, end: inner.end, addition: NOTHING });
  return { rest, content: bytes.subarray(inner.content, inner.end) };
}

const NOTHING = new Uint8Array();

/** A message as a field of another, put together of parts. */
export function messageField(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const field = Buffer.allocUnsafe(headSize(number, length) + length);
  let at = writeHead(field, 0, number, length);
  for (const part of parts) {
    field.set(part, at);
    at += part.length;
  }
  return field;
}

/** Where a message lies in another, as a field of it. */
interface Place {
  number: number;
  start: number;
  content: number;
  end: number;
}

/** Each message on the way, the outermost first. */
function placesOf(bytes: Uint8Array, path: readonly number[]): Place[] | undefined {
  const places: Place[] = [];
  let [from, end] = [0, bytes.length];
  for (const number of path) {
    const place = lastField(createFieldCursor(bytes, from, end), number);
    if (!place) return undefined;
    places.push(place);
    [from, end] = [place.content, place.end];
  }
  return places;
}

/** Of fields that come again the last one counts. */
function lastField(cursor: FieldCursor, number: number): Place | undefined {
  let found: Place | undefined;
  while (mustReadField(cursor)) {
    if (cursor.number !== number || cursor.wireType !== LENGTH_DELIMITED) continue;
    found = { number, start: cursor.start, content: cursor.content, end: cursor.at };
  }
  return found;
}

/** Puts `addition` in place of some bytes of the innermost message; all is copied once, however deep it lies. */
function splice(
  bytes: Uint8Array,
  places: readonly Place[],
  { from, end, addition }: { from: number; end: number; addition: Uint8Array },
): Uint8Array {
  // The lengths of the messages that it lies in change with it, and so may the room that these take.
  let change = addition.length - (end - from);
  const lengths = places.toReversed().map(({ number, start, content, end: before }) => {
    const length = before - content + change;
    change += headSize(number, length) - (content - start);
    return length;
  });
  const spliced = Buffer.allocUnsafe(bytes.length + change);
  let at = 0;
  let done = 0;
  const copyUpTo = (until: number): void => {
    spliced.set(bytes.subarray(done, until), at);
    at += until - done;
  };
  for (const { number, start, content } of places) {
    copyUpTo(start);
    at = writeHead(spliced, at, number, lengths.pop() ?? 0);
    done = content;
  }
  copyUpTo(from);
  spliced.set(addition, at);
  at += addition.length;
  done = end;
  copyUpTo(bytes.length);
  return spliced;
}

/** Room for the tag of a message and its length. */
function headSize(number: number, length: number): number {
  return varintSize(number * 8 + LENGTH_DELIMITED) + varintSize(length);
}

function writeHead(target: Uint8Array, at: number, number: number, length: number): number {
  return writeVarint(target, writeVarint(target, at, number * 8 + LENGTH_DELIMITED), length);
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
  return size;
}

function writeVarint(target: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) | 0x80;
  target[at++] = rest;
  return at;
}
