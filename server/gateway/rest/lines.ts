/**
 * The messages of a stream as text: a line of JSON each, or an event of
 * text/event-stream. Streams that send framed messages send the same piece of
 * bytes to all who watch the same, so what was made of a piece is kept for a
 * while, by its identity.
 */
import { type JsonValue, type MessageName, type MessageTypes, toJson } from '@armada-ts/api/json';
import { messagesOf } from '../../base/framing.ts';

/** How messages are told apart: a line for each, or `data: ...` and an empty line. */
export type LineForm = 'json' | 'events';

/** Text kept of pieces in one form, of all streams together. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

export interface MessageKind {
  typeName: MessageName;
  decode: (bytes: Buffer) => unknown;
}

/** The text of an item: of a message, or of a piece with any number of them. */
export type WriteLines = (item: unknown, kind: MessageKind) => Buffer;

export function createLineWriter(form: LineForm, maxKeptBytes = MAX_KEPT_BYTES): WriteLines {
  const kept = new Map<Uint8Array, Buffer>();
  let keptBytes = 0;

  const keep = (piece: Uint8Array, text: Buffer): void => {
    kept.set(piece, text);
    keptBytes += text.length;
    for (const [oldest, dropped] of kept) {
      if (keptBytes <= maxKeptBytes) return;
      keptBytes -= dropped.length;
      kept.delete(oldest);
    }
  };

  return (item, kind) => {
    if (!(item instanceof Uint8Array)) return Buffer.from(resultLine(item, kind, form));
    const known = kept.get(item);
    if (known !== undefined) return known;
    let text = '';
    for (const message of messagesOf(item)) text += resultLine(kind.decode(message), kind, form);
    const made = Buffer.from(text);
    keep(item, made);
    return made;
  };
}

function resultLine(message: unknown, { typeName }: MessageKind, form: LineForm): string {
  return lineOf({ result: toJson(typeName, message as MessageTypes[MessageName]) }, form);
}

/** @param event its name, where it is not a message */
export function lineOf(json: JsonValue, form: LineForm, event?: string): string {
  const text = JSON.stringify(json);
  if (form === 'json') return `${text}\n`;
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`;
}
