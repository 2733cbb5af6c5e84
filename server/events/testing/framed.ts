import { EventStreamMessage } from '@armada-ts/api/api/event';
import { PREFIX_BYTES } from '../framed.ts';

/** What a client reads from framed events. */
export function messagesIn(framed: Buffer): EventStreamMessage[] {
  const messages: EventStreamMessage[] = [];
  for (let at = 0; at < framed.length; ) {
    if (framed[at] !== 0) throw new Error('a message that is not compressed begins with 0');
    const start = at + PREFIX_BYTES;
    at = start + framed.readUInt32BE(start - 4);
    messages.push(EventStreamMessage.decode(framed.subarray(start, at)));
  }
  return messages;
}

export function idsIn(framed: Buffer): string[] {
  return messagesIn(framed).map(({ id }) => id);
}
