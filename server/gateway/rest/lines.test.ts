import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStreamMessage } from '@armada-ts/api/api/event';
import { frame } from '../../base/framing.ts';
import { createLineWriter, type MessageKind } from './lines.ts';

function pieceOf(...ids: string[]): Buffer {
  return frame(ids.map((id) => EventStreamMessage.encode({ id, message: undefined }).finish())).bytes;
}

/** A kind that counts what is decoded. */
function counting(): MessageKind & { decoded: number } {
  const kind = {
    typeName: 'api.EventStreamMessage' as const,
    decoded: 0,
    decode: (bytes: Buffer) => {
      kind.decoded++;
      return EventStreamMessage.decode(bytes);
    },
  };
  return kind;
}

test('the text of a piece is made once for all who are sent that very piece', () => {
  const kind = counting();
  const write = createLineWriter('json');
  const piece = pieceOf('1', '2');
  const text = write(piece, kind);
  assert.equal(text.toString(), '{"result":{"id":"1"}}\n{"result":{"id":"2"}}\n');
  assert.equal(write(piece, kind), text);
  assert.equal(kind.decoded, 2);
  // Equal bytes are another piece: they are not compared.
  assert.deepEqual(write(Buffer.from(piece), kind), text);
  assert.equal(kind.decoded, 4);
});

test('what is kept is bounded, and the oldest goes first', () => {
  const kind = counting();
  const pieces = ['1', '2', '3'].map((id) => pieceOf(id));
  const lineBytes = '{"result":{"id":"1"}}\n'.length;
  const write = createLineWriter('json', 2 * lineBytes);
  for (const piece of pieces) write(piece, kind);
  for (const piece of pieces.slice(1)) write(piece, kind);
  assert.equal(kind.decoded, 3, 'the newest two are kept');
  write(pieces[0]!, kind);
  assert.equal(kind.decoded, 4, 'the oldest was not');
  // One that is larger than all there is room for is sent, and not kept.
  const large = pieceOf('x'.repeat(3 * lineBytes));
  assert.equal(write(large, kind).length, 3 * lineBytes + lineBytes - 1);
  write(large, kind);
  assert.equal(kind.decoded, 6);
});

test('messages may come alone, and as events of text/event-stream', () => {
  const kind = counting();
  const message = EventStreamMessage.fromPartial({ id: 'a\nb' });
  assert.equal(createLineWriter('json')(message, kind).toString(), '{"result":{"id":"a\\nb"}}\n');
  assert.equal(createLineWriter('events')(message, kind).toString(), 'data: {"result":{"id":"a\\nb"}}\n\n');
  assert.equal(kind.decoded, 0);
});
