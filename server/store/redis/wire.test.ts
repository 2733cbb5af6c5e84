import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOfPartition } from './wire.ts';

test('slotOfPartition() counts as Redis does', () => {
  // As CLUSTER KEYSLOT answers for {0}, {1}, {9}, {15} and {123456789}.
  const slots = [0, 1, 9, 15, 123_456_789].map(slotOfPartition);
  assert.deepEqual(slots, [13_907, 9842, 10_106, 4178, 12_739]);
});
