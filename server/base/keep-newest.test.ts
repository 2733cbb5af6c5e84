import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepNewest } from './keep-newest.ts';

test('keepNewest() lets go of what was kept longest ago, and of nothing when a value is kept again', () => {
  const map = new Map<string, number>();
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ] as const)
    keepNewest(map, key, value, 2);
  assert.deepEqual(
    [...map],
    [
      ['b', 2],
      ['a', 3],
    ],
  );
  keepNewest(map, 'c', 4, 2);
  assert.deepEqual(
    [...map],
    [
      ['a', 3],
      ['c', 4],
    ],
  );
});
