import { PREFIX_BYTES } from '../framing.ts';

/** What a client reads from framed messages. */
export function messagesIn<Message>(
  framed: Buffer,
  codec: { decode: (bytes: Uint8Array) => Message },
): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < framed.length; ) {
    if (framed[at] !== 0) throw new Error('a message that is not compressed begins with 0');
    const start = at + PREFIX_BYTES;
    at = start + framed.readUInt32BE(start - 4);
    if (at > framed.length) throw new Error('a message is cut off');
    messages.push(codec.decode(framed.subarray(start, at)));
  }
  return messages;
}
