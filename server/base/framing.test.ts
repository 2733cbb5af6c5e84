import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countFramed, frame, messagesOf } from './framing.ts';
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

test('messagesOf() gives each message back', () => {
  const texts = ['one', '', 'x'.repeat(70_000), 'four'];
  const { bytes, starts } = frame(texts.map((text) => Buffer.from(text)));
  assert.deepEqual([...messagesOf(bytes)].map(String), texts);
  assert.deepEqual([...messagesOf(bytes.subarray(starts[2]))].map(String), texts.slice(2));
  assert.deepEqual([...messagesOf(Buffer.alloc(0))], []);
});

test('countFramed() counts them', () => {
  const { bytes, starts } = frame(['one', '', 'x'.repeat(70_000)].map((text) => Buffer.from(text)));
  assert.deepEqual([bytes, bytes.subarray(starts[1]), Buffer.alloc(0)].map(countFramed), [3, 2, 0]);
});
