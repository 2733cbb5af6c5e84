/**
 * The messages of a stream as text: a line of JSON each, or an event of
 * text/event-stream. Streams that send framed messages send the same piece of
 * bytes to all who watch the same, so what was made of a piece is kept for a
 * while, by its identity.
 */
import { type JsonValue, type MessageName, type MessageTypes, toJson } from '@armada-ts/api/json';
import { messagesOf } from '../../base/framing.ts';
import { createKeptPieces } from '../kept-pieces.ts';

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
  const kept = createKeptPieces(maxKeptBytes);
  return (item, kind) => {
    if (!(item instanceof Uint8Array)) return Buffer.from(resultLine(item, kind, form));
    return kept(item, (piece) => {
      let text = '';
      for (const message of messagesOf(piece)) text += resultLine(kind.decode(message), kind, form);
      return Buffer.from(text);
    });
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
