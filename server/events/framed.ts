/** Encoded events ready to be sent, and how much of them at a time. */
import { EventStreamMessage } from '@armada-ts/api/api/event';
import { type Framed, frame } from '../base/framing.ts';

export function frameEvents(messages: readonly EventStreamMessage[]): Framed {
  return frame(messages.map((message) => EventStreamMessage.encode(message).finish()));
}

/** The events from `skip` on, in pieces of about `maxBytes` at most: a reader who is slow holds the one that is being sent. */
export function* piecesOf({ bytes, starts }: Framed, skip: number, maxBytes: number): Generator<Buffer> {
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
