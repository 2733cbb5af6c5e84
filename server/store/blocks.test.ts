import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobId, requestPrefix } from '../model/ids.ts';
import { cutBlocks, decodeBlock, encodeBlock, type NewSpec } from './blocks.ts';

const PREFIXES = [1, 2].map((n) => requestPrefix(n, new Uint8Array(7)));

function specs(lengths: readonly number[], prefix = PREFIXES[0] ?? ''): NewSpec[] {
  return lengths.map((length, i) => ({
    jobId: jobId(prefix, 3 * i, 5),
    spec: new Uint8Array(length).fill(i),
  }));
}

test('decodeBlock() gives back each spec under its index', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3000), { minLength: 1, maxLength: 50 }), (lengths) => {
      const block = specs(lengths);
      const decoded = decodeBlock(encodeBlock(block));
      assert.deepEqual(
        [...decoded.keys()],
        lengths.map((_, i) => 3 * i),
      );
      for (const [i, { spec }] of block.entries())
        assert.deepEqual(new Uint8Array(decoded.get(3 * i) ?? []), spec);
    }),
  );
});

test('cutBlocks() bounds jobs and bytes and keeps requests apart', () => {
  const sizes = (blocks: NewSpec[][]) => blocks.map(({ length }) => length);
  assert.deepEqual(sizes(cutBlocks(specs(Array<number>(600).fill(10)))), [256, 256, 88]);
  assert.deepEqual(sizes(cutBlocks(specs([200_000, 60_000, 60_000, 300_000, 1]))), [2, 1, 1, 1]);
  assert.deepEqual(sizes(cutBlocks([...specs([1, 1]), ...specs([1], PREFIXES[1])])), [2, 1]);
  assert.deepEqual(cutBlocks([]), []);
});
