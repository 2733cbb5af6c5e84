/**
 * Encoding many small messages. A fresh writer starts with a small buffer and
 * doubles it several times for each message; one that is used again has room
 * already, which more than halves the cost of encoding a job.
 */
import type { Empty } from '@armada-ts/api/google/protobuf/empty';

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
