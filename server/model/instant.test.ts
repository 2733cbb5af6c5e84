import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { instantOf, timestampOf } from './instant.ts';

test('whole milliseconds survive the way through a timestamp, before 1970 too', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 47), max: 2 ** 47 }), (ms) => {
      const timestamp = timestampOf(ms);
      assert(timestamp.nanos >= 0 && timestamp.nanos < 1e9);
      assert.equal(instantOf(timestamp), ms);
    }),
  );
});

test('a timestamp never has a second in its nanoseconds', () => {
  for (const ms of [0.9999999, 999.99999999, 1999.9999999]) {
    assert(timestampOf(ms).nanos < 1e9, String(ms));
  }
});

test('parts of a millisecond are dropped, and no timestamp is the epoch', () => {
  assert.equal(instantOf({ seconds: 1n, nanos: 2_999_999 }), 1002);
  assert.equal(instantOf(undefined), 0);
});
