import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventSequence } from '@armada-ts/api/armadaevents/armadaevents';
import fc from 'fast-check';
import { readerOf } from './reader.ts';

/** A message of nothing but texts, whatever bytes they are. */
function messageOf(texts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(texts.map((text) => Buffer.concat([Buffer.from([26, text.length]), text])));
}

test('texts are read as the library reads them, whatever their bytes are', () => {
  const bytes = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => Buffer.from(text)),
    fc.constantFrom('queue', 'queué', '\ufeffqueue', '').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 120 }),
  );
  const short = bytes.filter(({ length }) => length < 128);
  fc.assert(
    fc.property(fc.array(short, { maxLength: 5 }), (texts) => {
      const message = messageOf(texts);
      // Twice, for the second time names are remembered.
      for (const each of [message, Uint8Array.from(message)]) {
        assert.deepEqual(EventSequence.decode(readerOf(each)), EventSequence.decode(message));
      }
    }),
    { numRuns: 500 },
  );
});

test('a text that is cut off is refused', () => {
  const cut = Buffer.from([26, 5, 0x61]);
  assert.throws(() => EventSequence.decode(readerOf(cut)), /premature EOF/);
});
