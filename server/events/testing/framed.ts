import { EventStreamMessage } from '@armada-ts/api/api/event';
import { messagesIn } from '../../base/testing/framing.ts';

/** The events that a client reads. */
export function eventsIn(framed: Buffer): EventStreamMessage[] {
  return messagesIn(framed, EventStreamMessage);
}

export function idsIn(framed: Buffer): string[] {
  return eventsIn(framed).map(({ id }) => id);
}
