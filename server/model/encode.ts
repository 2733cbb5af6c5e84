/**
 * Encoding many small messages. A fresh writer starts with a small buffer and
 * doubles it several times for each message; one that is used again has room
 * already, which more than halves the cost of encoding a job.
 */
import { Empty } from '@armada-ts/api/google/protobuf/empty';

type Writer = ReturnType<typeof Empty.encode>;

/** The part of a generated message type that encodes. */
interface Encodes<T> {
  encode(message: T, writer?: Writer): Writer;
}

let writer = freshWriter();

/** The bytes of a message, as `type.encode(message).finish()` gives them, in memory of their own. */
export function encodeMessage<T>(type: Encodes<T>, message: T): Buffer {
  try {
    const bytes = type.encode(message, writer).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    // It holds half a message now.
    writer = freshWriter();
    throw error;
  }
}

function freshWriter(): Writer {
  return Empty.encode(Empty.create());
}
