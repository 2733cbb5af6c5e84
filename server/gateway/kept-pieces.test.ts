import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeptPieces } from './kept-pieces.ts';

test('what is made of a piece is made once, for that piece alone', () => {
  const kept = createKeptPieces(100);
  const [piece, equal] = [Buffer.from('a'), Buffer.from('a')];
  let made = 0;
  const make = (from: Uint8Array): Buffer => Buffer.from(`${from.toString()}${++made}`);
  assert.equal(kept(piece, make).toString(), 'a1');
  assert.equal(kept(piece, make).toString(), 'a1');
  assert.equal(kept(equal, make).toString(), 'a2');
});

test('no more is kept than there is room for, the latest longest', () => {
  const kept = createKeptPieces(25);
  const pieces = [1, 2, 3].map((byte) => Buffer.from([byte]));
  const made: number[] = [];
  const make = (piece: Uint8Array): Buffer => {
    made.push(piece[0]!);
    return Buffer.alloc(10);
  };
  for (const piece of [...pieces, ...pieces.slice(1), pieces[0]!]) kept(piece, make);
  assert.deepEqual(made, [1, 2, 3, 1]);
});
