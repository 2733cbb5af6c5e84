import type { EventStreamMessage } from '@armada-ts/api/api/event';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameEvents, piecesOf } from './framed.ts';
import { idsIn } from './testing/framed.ts';

function events(count: number): EventStreamMessage[] {
  return Array.from({ length: count }, (_, i) => ({ id: `id-${i}`.padEnd(20, '.'), message: undefined }));
}

test('frameEvents() puts events one after the other and says where each begins', () => {
  const { bytes, starts } = frameEvents(events(3));
  assert.deepEqual(
    idsIn(bytes),
    events(3).map(({ id }) => id),
  );
  for (const [i, start] of starts.entries()) assert.equal(idsIn(bytes.subarray(start)).length, 3 - i);
  assert.deepEqual(frameEvents([]), { bytes: Buffer.alloc(0), starts: [] });
});

test('piecesOf() cuts between events, leaves none out and begins where it is told', () => {
  const framed = frameEvents(events(10));
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
