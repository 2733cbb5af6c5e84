/**
 * Ids of public events: `<ms>:<n>:<index>:<last>`, as Armada writes them.
 * `ms` tells one incarnation of a job set's stream from the next, `n` is the
 * sequence in it, `index` the event within the sequence, `last` is 1 for the
 * sequence's final event. Clients treat them as opaque and hand back the last
 * they saw.
 */
export interface MessagePosition {
  streamCreatedMs: number;
  /** Sequence number. */
  number: number;
  /** Events of that sequence already seen. */
  seen: number;
  /** The sequence was seen whole. */
  whole: boolean;
}

/** The id of one event. */
export function messageId(streamCreatedMs: number, number: number, index: number, last: boolean): string {
  return `${streamCreatedMs}:${number}:${index}:${last ? 1 : 0}`;
}

/**
 * Reads an id that a client handed back: ours, the empty text and `0` for the
 * start, or the two-part `<ms>-<n>` of older Armada, which stood for a whole
 * sequence. Undefined when it is none of them.
 */
export function parseMessageId(id: string): MessagePosition | 'start' | undefined {
  if (id === '' || id === '0') return 'start';
  const parts = /^(\d{1,15})(?::(\d{1,15}):(\d{1,9}):([01])|-(\d{1,15}))$/.exec(id);
  if (!parts) return undefined;
  const streamCreatedMs = Number(parts[1]);
  const number = Number(parts[2] ?? parts[5]);
  if (number === 0) return 'start';
  const whole = parts[4] !== '0';
  return { streamCreatedMs, number, seen: whole ? 0 : Number(parts[3]) + 1, whole };
}
