import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jobId, MAX_JOBS_PER_REQUEST, requestPrefix, SLOTS } from './ids.ts';
import { jobIdOf, jobKey, keyAtIndex } from './job-key.ts';

test('keyAtIndex() is the key of another job of the request', () => {
  const index = fc.nat({ max: MAX_JOBS_PER_REQUEST - 1 });
  const random = fc.uint8Array({ minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(random, index, index, fc.nat({ max: SLOTS - 1 }), (bytes, one, other, slot) => {
      const prefix = requestPrefix(1_800_000_000_000, bytes);
      const key = jobKey(jobId(prefix, one, slot));
      assert.ok(key);
      assert.equal(jobIdOf(keyAtIndex(key, other)), jobId(prefix, other, slot));
    }),
  );
});
