import { LogEntry } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createRing, type Ring } from './tail.ts';

test('a ring holds no entry that has left it', async () => {
  const ring = createRing([0], { tailEntries: 100, tailBytes: 1000 });
  const first = new WeakRef(LogEntry.create({ number: 1 }));
  pushFirst(ring, first.deref());
  for (let number = 2; number <= 20; number++) ring.push(LogEntry.create({ number }), 100);
  assert.equal(ring.start, 10);
  assert.equal(ring.at(9), undefined);
  assert.equal(ring.at(10)?.number, 11);
  assert.equal(ring.end, 20);
  // What a WeakRef was asked for lives until the turn ends.
  await new Promise(setImmediate);
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  assert.equal(first.deref(), undefined);
});

/** In a function of its own, so that no variable of the test holds the entry. */
function pushFirst(ring: Ring, entry: LogEntry | undefined): void {
  assert(entry);
  ring.push(entry, 100);
}
