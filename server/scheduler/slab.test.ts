import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSlab, dropBytes, keepBytes, readBytes } from './slab.ts';

test('a slab gives back what it was given, in any order of keeping and dropping', () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(400_000, 1_048_572, 1_048_573));
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ length }) },
    { weight: 2, arbitrary: fc.record({ drop: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const slab = createSlab();
      const kept: { handle: number; bytes: Uint8Array }[] = [];
      let mark = 0;
      for (const one of steps) {
        if ('length' in one) {
          const bytes = new Uint8Array(one.length).fill(++mark);
          kept.push({ handle: keepBytes(slab, bytes), bytes });
        } else if (kept.length > 0) {
          const [dropped] = kept.splice(one.drop % kept.length, 1);
          dropBytes(slab, dropped!.handle);
        }
        for (const { handle, bytes } of kept) assert.ok(Buffer.from(bytes).equals(readBytes(slab, handle)));
      }
    }),
    { numRuns: 100, seed: 7 },
  );
});

test('a slab uses again what was dropped', () => {
  const slab = createSlab();
  for (let times = 0; times < 100_000; times++) dropBytes(slab, keepBytes(slab, new Uint8Array(200)));
  assert.equal(slab.blocks.length, 1);
});
