import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Heap, pushItem, removeAt, settle } from './heap.ts';

const step = fc.record({
  do: fc.constantFrom('push', 'push', 'remove', 'change'),
  key: fc.nat(20),
  which: fc.nat(),
});

test('a heap has the least item on top and knows where each is, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const keys: number[] = [];
      const places: number[] = [];
      const heap: Heap = {
        items: [],
        isBefore: (a, b) => (keys[a]! === keys[b]! ? a < b : keys[a]! < keys[b]!),
        placed: (item, at) => {
          places[item] = at;
        },
      };
      for (const one of steps) {
        const at = one.which % (heap.items.length || 1);
        const item = heap.items[at];
        if (one.do === 'push') pushItem(heap, keys.push(one.key) - 1);
        else if (item === undefined) continue;
        else if (one.do === 'change') {
          keys[item] = one.key;
          settle(heap, at);
        } else {
          removeAt(heap, at);
          assert.equal(places[item], -1);
        }
        for (const [place, held] of heap.items.entries()) assert.equal(places[held], place);
        const least = heap.items.toSorted((a, b) => (heap.isBefore(a, b) ? -1 : 1))[0];
        assert.equal(heap.items[0], least);
      }
    }),
    { numRuns: 500, seed: 3 },
  );
});
