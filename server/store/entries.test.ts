import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { controlEntry } from './entries.ts';

test('controlEntry() keeps no more memory alive than the record has bytes', () => {
  const record = Buffer.from('a record out of the pool');
  const { control } = controlEntry(0, 1, { kind: Control_Kind.KIND_QUEUE, name: 'queue', record });
  assert.deepEqual(control?.record, record);
  assert.equal(control?.record?.buffer.byteLength, record.byteLength);
});
