import { EventStreamMessage } from '@armada-ts/api/api/event';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame } from '../base/framing.ts';
import { piecesOf } from './pieces.ts';
import { idsIn } from './testing/framed.ts';

function events(count: number): EventStreamMessage[] {
  return Array.from({ length: count }, (_, i) => ({ id: `id-${i}`.padEnd(20, '.'), message: undefined }));
}

test('piecesOf() cuts between events, leaves none out and begins where it is told', () => {
  const framed = frame(events(10).map((event) => EventStreamMessage.encode(event).finish()));
  const one = framed.bytes.length / 10;
  const ids = events(10).map(({ id }) => id);
  for (let skip = 0; skip <= 11; skip++) {
    for (const maxBytes of [1, one, 3 * one, 3 * one + 1, 1000 * one]) {
      const pieces = [...piecesOf(framed, skip, maxBytes)];
      assert.deepEqual(pieces.flatMap(idsIn), ids.slice(skip));
      assert(pieces.every((piece) => piece.length > 0 && piece.length <= Math.max(one, maxBytes)));
      const fewest = Math.ceil((10 - Math.min(skip, 10)) / Math.max(1, Math.floor(maxBytes / one)));
      assert.equal(pieces.length, fewest);
    }
  }
});
