/**
 * Encoding many small messages. A fresh writer starts with a small buffer and
 * doubles it several times for each message; one that is used again has room
 * already, which more than halves the cost of encoding a job.
 */
import { createFieldCursor, mustReadField } from '@armada-ts/api/encoded/fields';
import { Empty } from '@armada-ts/api/google/protobuf/empty';

type Writer = ReturnType<typeof Empty.encode>;

/** The part of a generated message type that encodes. */
interface Encodes<T> {
  encode(message: T, writer?: Writer): Writer;
}

/** A writer that has grown past this is let go, so one large message does not hold its room for ever. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

let spare: Writer | undefined;

/** The bytes of a message, as `type.encode(message).finish()` gives them, in memory of their own. */
export function encodeMessage<T>(type: Encodes<T>, message: T): Buffer<ArrayBuffer> {
  const kept = spare;
  // Given back only after success: a writer whose encoding threw holds half a message.
  spare = undefined;
  const writer = type.encode(message, kept);
  const bytes = writer.finish();
  if (bytes.length <= MAX_KEPT_BYTES) spare = writer;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The bytes of several messages, in one piece of memory: where each has a piece
 * of its own, getting and freeing these is a good part of what they cost.
 */
export function encodeMessages<T>(type: Encodes<T>, messages: readonly T[]): Buffer[] {
  const delimited = encodeMessage(DELIMITED, { type, messages } as Delimited);
  const encoded: Buffer[] = [];
  const cursor = createFieldCursor(delimited);
  while (mustReadField(cursor)) encoded.push(delimited.subarray(cursor.content, cursor.at));
  return encoded;
}

interface Delimited {
  type: Encodes<unknown>;
  messages: readonly unknown[];
}

/** Tag of a message that is field 1. */
const FIRST_FIELD = 10;

const DELIMITED: Encodes<Delimited> = {
  encode({ type, messages }, kept) {
    const writer = Empty.encode(Empty.create(), kept);
    for (const message of messages) type.encode(message, writer.uint32(FIRST_FIELD).fork()).join();
    return writer;
  },
};
