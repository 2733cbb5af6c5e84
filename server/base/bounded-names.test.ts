import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundedNames, OTHER } from './bounded-names.ts';

test('so many names are told apart, and stay so; what comes later shares one', () => {
  const named = boundedNames(2);
  assert.deepEqual(['a', 'b', 'c', 'a', 'd'].map(named), ['a', 'b', OTHER, 'a', OTHER]);
});
