import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobId, MAX_JOBS_PER_REQUEST, requestPrefix, runId, SLOTS } from '../model/ids.ts';
import { jobIdOf, jobKey } from '../model/job-key.ts';
import { runKey } from './keys.ts';

const anyJobId = fc
  .tuple(
    fc.nat(2 ** 47),
    fc.uint8Array({ minLength: 7, maxLength: 7 }),
    fc.nat(MAX_JOBS_PER_REQUEST - 1),
    fc.nat(SLOTS - 1),
  )
  .map(([now, random, index, slot]) => jobId(requestPrefix(now, random), index, slot));

function key(id: string): Uint8Array {
  const bytes = jobKey(id);
  assert(bytes);
  return bytes;
}

test('jobIdOf() undoes jobKey()', () => {
  fc.assert(fc.property(anyJobId, (id) => assert.equal(jobIdOf(key(id)), id)));
  assert.equal(jobIdOf(key('7'.padEnd(26, 'z'))), '7'.padEnd(26, 'z'));
});

test('jobKey() sorts as the ids do', () => {
  fc.assert(
    fc.property(anyJobId, anyJobId, (a, b) => {
      assert.equal(Math.sign(Buffer.compare(key(a), key(b))), a < b ? -1 : Number(a > b));
    }),
  );
});

test('jobKey() and runKey() know no other text', () => {
  for (const text of ['', 'job', '8'.padEnd(26, '0'), '0'.padEnd(26, 'U')])
    assert.equal(jobKey(text), undefined);
  assert.equal(runKey('run'), undefined);
  assert.equal(runKey(runId(3, new Uint8Array(16)))?.length, 16);
});
