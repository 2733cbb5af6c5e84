/**
 * Encoded messages as gRPC puts them on the wire: each behind five bytes, a
 * flag that says it is not compressed, and its length. Messages that follow
 * each other can so be sent as one piece of bytes, which costs as much as
 * sending one of them.
 */
export const PREFIX_BYTES = 5;

/** Messages one after the other. */
export interface Framed {
  bytes: Buffer;
  /** Where each begins. */
  starts: readonly number[];
}

export function frame(messages: readonly Uint8Array[]): Framed {
  const size = messages.reduce((sum, message) => sum + PREFIX_BYTES + message.length, 0);
  // Not from the pool: what is kept would keep others' bytes with it.
  const bytes = Buffer.allocUnsafeSlow(size);
  const starts: number[] = [];
  let at = 0;
  for (const message of messages) {
    starts.push(at);
    bytes[at] = 0;
    bytes.writeUInt32BE(message.length, at + 1);
    bytes.set(message, at + PREFIX_BYTES);
    at += PREFIX_BYTES + message.length;
  }
  return { bytes, starts };
}

/** How many messages these are. */
export function countFramed(framed: Buffer): number {
  let count = 0;
  for (let at = 0; at < framed.length; at += PREFIX_BYTES + framed.readUInt32BE(at + 1)) count++;
  return count;
}

/** The messages of one or more that were framed by us, each without its prefix. */
export function* messagesOf(framed: Uint8Array): Generator<Buffer> {
  const bytes = Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const start = at + PREFIX_BYTES;
    at = start + bytes.readUInt32BE(start - 4);
    yield bytes.subarray(start, at);
  }
}
