/**
 * Encoded events as they go over the wire: each with the five bytes in front
 * that gRPC puts before a message (a flag that says it is not compressed, and
 * its length). So any number of them that follow each other can be sent as one
 * piece of bytes, and one piece serves all watchers.
 */
import { EventStreamMessage } from '@armada-ts/api/api/event';

export const PREFIX_BYTES = 5;

/** Events one after the other. */
export interface FramedEvents {
  bytes: Buffer;
  /** Where each begins. */
  starts: readonly number[];
}

export function frameEvents(messages: readonly EventStreamMessage[]): FramedEvents {
  const encoded = messages.map((message) => EventStreamMessage.encode(message).finish());
  const size = encoded.reduce((sum, one) => sum + PREFIX_BYTES + one.length, 0);
  // Not from the pool: it is kept, and would keep others' bytes with it.
  const bytes = Buffer.allocUnsafeSlow(size);
  const starts: number[] = [];
  let at = 0;
  for (const one of encoded) {
    starts.push(at);
    bytes[at] = 0;
    bytes.writeUInt32BE(one.length, at + 1);
    bytes.set(one, at + PREFIX_BYTES);
    at += PREFIX_BYTES + one.length;
  }
  return { bytes, starts };
}

/** The events from `skip` on, in pieces of about `maxBytes` at most: a reader who is slow holds the one that is being sent. */
export function* piecesOf(
  { bytes, starts }: FramedEvents,
  skip: number,
  maxBytes: number,
): Generator<Buffer> {
  let from = starts[skip];
  if (from === undefined) return;
  for (let i = skip + 1; i < starts.length; i++) {
    const end = starts[i + 1] ?? bytes.length;
    if (end - from <= maxBytes) continue;
    yield bytes.subarray(from, starts[i]);
    from = starts[i] ?? bytes.length;
  }
  yield bytes.subarray(from);
}
