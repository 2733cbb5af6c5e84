import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFieldCursor, nextField } from './fields.ts';

/** Numbers of the fields, what strings hold, and whether all was read. */
function walk(...bytes: number[]): { numbers: number[]; contents: string[]; isWhole: boolean } {
  const cursor = createFieldCursor(Buffer.from(bytes));
  const numbers: number[] = [];
  const contents: string[] = [];
  while (nextField(cursor)) {
    numbers.push(cursor.number);
    if ((bytes[cursor.start]! & 7) === 2) {
      contents.push(Buffer.from(bytes).toString('latin1', cursor.content, cursor.at));
    }
  }
  return { numbers, contents, isWhole: cursor.at === cursor.end };
}

test('nextField() walks over fields of all kinds', () => {
  const varint = [0x08, 0x96, 0x01];
  const double = [0x11, 1, 2, 3, 4, 5, 6, 7, 8];
  const text = [0x1a, 2, 0x68, 0x69];
  const float = [0x25, 1, 2, 3, 4];
  const highNumber = [0xa2, 0x06, 1, 0x78];
  assert.deepEqual(walk(...varint, ...double, ...text, ...float, ...highNumber), {
    numbers: [1, 2, 3, 4, 100],
    contents: ['hi', 'x'],
    isWhole: true,
  });
});

test('nextField() stops before groups, field 0 and fields cut short', () => {
  const before = [0x08, 1];
  for (const end of [
    [0x0b, 0x0c],
    [0x0c],
    [0x00, 0x00],
    [0x1a, 5, 1],
    [0x11, 1],
    [0x1a, 0xff, 0xff, 0xff, 0xff, 0xff],
  ]) {
    assert.deepEqual(walk(...before, ...end), { numbers: [1], contents: [], isWhole: false }, end.join());
  }
});
