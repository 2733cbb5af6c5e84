import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneLine } from './one-line.ts';

test('oneLine() changes how texts are written and not what they say', () => {
  const texts = [
    '\u2028',
    '\u2029',
    '\u0085',
    '\u007f',
    '\u202e',
    '\u200b',
    '\u{e0001}',
    'é',
    '"\\',
    '\n',
    'plain',
  ];
  for (const text of texts) {
    const line = oneLine(JSON.stringify({ [text]: text }));
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    assert.deepEqual(JSON.parse(line), { [text]: text });
  }
  assert.equal(oneLine('{"a":"é"}'), '{"a":"é"}');
});
