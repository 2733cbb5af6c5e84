import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageId, parseMessageId } from './message-id.ts';

test('an id says how far its reader has got', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 48 }),
      fc.integer({ min: 1, max: 1e15 - 1 }),
      fc.integer({ min: 0, max: 1e9 - 1 }),
      fc.boolean(),
      (streamCreatedMs, number, index, last) => {
        assert.deepEqual(parseMessageId(messageId(streamCreatedMs, number, index, last)), {
          streamCreatedMs,
          number,
          seen: last ? 0 : index + 1,
          whole: last,
        });
      },
    ),
  );
});

test('ids have the shape that Armada gives them', () => {
  assert.equal(messageId(1_663_000_000_000, 7, 1, true), '1663000000000:7:1:1');
  assert.equal(messageId(1_663_000_000_000, 7, 0, false), '1663000000000:7:0:0');
});

test('the start has many names', () => {
  for (const id of ['', '0', '0:0:0:1', '1663000000000:0:1:1', '1663000000000-0', '0-0']) {
    assert.equal(parseMessageId(id), 'start', id);
  }
});

test('the two-part id of older servers stands for a whole sequence', () => {
  assert.deepEqual(parseMessageId('1663000000000-3'), {
    streamCreatedMs: 1_663_000_000_000,
    number: 3,
    seen: 0,
    whole: true,
  });
});

test('anything else is no id', () => {
  const garbage = [
    'x',
    '1',
    '1:2',
    '1:2:3',
    '1:2:3:2',
    '1:2:3:4:5',
    '-1:2:3:1',
    '1:2:3:1 ',
    ' 1:2:3:1',
    '1:2:3:1\n',
  ];
  garbage.push('1-', '-1', '1-2-3', '1:2-3', '1e3:1:1:1', '0x1:1:1:1', '９:1:1:1', `${'9'.repeat(16)}:1:1:1`);
  for (const id of garbage) assert.equal(parseMessageId(id), undefined, JSON.stringify(id));
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (!/^(\d+[:-].*|0|)$/.test(text)) assert.equal(parseMessageId(text), undefined);
    }),
  );
});
