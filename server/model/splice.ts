/**
 * Changing an encoded message without decoding all of it. A lease is the stored
 * spec with two more map entries, and what watchers see of a submit holds the
 * stored pod spec as it is: decoding and encoding it again would be most of
 * what these cost. What is not known of a message stays in it.
 */
import { createFieldCursor, LENGTH_DELIMITED, mustReadField } from '@armada-ts/api/encoded/fields';

/**
 * The message with `addition`, encoded fields, at the end of the message that
 * lies at `path`, field number by field number. Without such a message it stays
 * as it is. Throws when these are no encoded messages.
 */
export function appendWithin(bytes: Uint8Array, path: readonly number[], addition: Uint8Array): Uint8Array {
  const [number, ...rest] = path;
  if (number === undefined) return Buffer.concat([bytes, addition]);
  const field = lastField(bytes, number);
  if (!field) return bytes;
  const content = appendWithin(bytes.subarray(field.content, field.end), rest, addition);
  return Buffer.concat([
    bytes.subarray(0, field.start),
    messageField(number, content),
    bytes.subarray(field.end),
  ]);
}

/** The message with an empty one in place of the message at `path`, and what that held; undefined when there is none. */
export function cutWithin(
  bytes: Uint8Array,
  path: readonly [number, ...number[]],
): { rest: Uint8Array; content: Uint8Array } | undefined {
  const [number, next, ...further] = path;
  const field = lastField(bytes, number);
  if (!field) return undefined;
  const whole = bytes.subarray(field.content, field.end);
  const inner = next === undefined ? { rest: NOTHING, content: whole } : cutWithin(whole, [next, ...further]);
  if (!inner) return undefined;
  const parts = [bytes.subarray(0, field.start), messageField(number, inner.rest), bytes.subarray(field.end)];
  return { rest: Buffer.concat(parts), content: inner.content };
}

const NOTHING = new Uint8Array();

/** A message as a field of another. */
export function messageField(number: number, content: Uint8Array): Uint8Array {
  const head = [...varint(number * 8 + LENGTH_DELIMITED), ...varint(content.length)];
  const field = Buffer.allocUnsafe(head.length + content.length);
  field.set(head);
  field.set(content, head.length);
  return field;
}

/** Where a message lies in another, as a field of it. */
interface Place {
  start: number;
  content: number;
  end: number;
}

/** Of fields that come again the last one counts. */
function lastField(bytes: Uint8Array, number: number): Place | undefined {
  let found: Place | undefined;
  const cursor = createFieldCursor(bytes);
  while (mustReadField(cursor)) {
    if (cursor.number !== number || cursor.wireType !== LENGTH_DELIMITED) continue;
    found = { start: cursor.start, content: cursor.content, end: cursor.at };
  }
  return found;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
