import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from './random.ts';

test('no bytes are handed out twice, and as many as asked for', () => {
  const random = createRandom();
  const seen = new Set<string>();
  for (let i = 0; i < 5_000; i++) {
    const bytes = random(7 + (i % 10));
    assert.equal(bytes.length, 7 + (i % 10));
    seen.add(Buffer.from(bytes).toString('hex'));
  }
  assert.equal(seen.size, 5_000);
  assert.equal(random(10_000).length, 10_000);
});

test('what was handed out stays as it was', () => {
  const random = createRandom();
  const first = random(16);
  const copy = Uint8Array.from(first);
  for (let i = 0; i < 2_000; i++) random(16).fill(0);
  assert.ok(Buffer.from(first).equals(copy));
});
