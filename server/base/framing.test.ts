import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame } from './framing.ts';
import { messagesIn } from './testing/framing.ts';

const TEXT = { decode: (bytes: Uint8Array) => Buffer.from(bytes).toString() };

test('frame() puts messages one after the other and says where each begins', () => {
  const texts = ['one', '', 'x'.repeat(70_000), 'four'];
  const { bytes, starts } = frame(texts.map((text) => Buffer.from(text)));
  assert.deepEqual(messagesIn(bytes, TEXT), texts);
  for (const [i, start] of starts.entries()) {
    assert.deepEqual(messagesIn(bytes.subarray(start), TEXT), texts.slice(i));
  }
  assert.deepEqual(frame([]), { bytes: Buffer.alloc(0), starts: [] });
});
