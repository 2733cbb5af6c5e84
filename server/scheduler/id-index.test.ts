import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jobId, requestPrefix } from '../model/ids.ts';
import { addId, createIdIndex, findId, idAt, isIdBefore, removeId } from './id-index.ts';

/** Ids of a few requests, which differ in little. */
function idOf(number: number): string {
  const random = new Uint8Array(8).fill(number % 3);
  return jobId(requestPrefix(1_800_000_000_000 + (number % 2), random), number >> 3, number % 5);
}

test('an index of ids is a map from ids to jobs, in any order of adding and removing', () => {
  const step = fc.record({ id: fc.nat({ max: 2_000 }), isAdded: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
      const index = createIdIndex();
      const known = new Map<string, number>();
      const unused: number[] = [];
      let last = -1;
      for (const { id: number, isAdded } of steps) {
        const id = idOf(number);
        const job = known.get(id);
        if (isAdded && job === undefined) {
          const added = unused.pop() ?? ++last;
          addId(index, added, id);
          known.set(id, added);
        } else if (!isAdded && job !== undefined) {
          removeId(index, job);
          known.delete(id);
          unused.push(job);
        }
        assert.equal(findId(index, id), known.get(id) ?? -1);
      }
      assert.equal(index.size, known.size);
      for (const [id, job] of known) {
        assert.equal(findId(index, id), job);
        assert.equal(idAt(index, job), id);
      }
      const jobs = [...known].slice(0, 50);
      for (const [id, job] of jobs) {
        for (const [other, otherJob] of jobs) assert.equal(isIdBefore(index, job, otherJob), id < other);
      }
    }),
    { numRuns: 50, seed: 5 },
  );
});

test('an index of ids finds each of a hundred thousand of one request within a few steps', () => {
  const index = createIdIndex();
  const prefix = requestPrefix(1_800_000_000_000, new Uint8Array(8).fill(7));
  for (let job = 0; job < 100_000; job++) addId(index, job, jobId(prefix, job, 3));
  let longest = 0;
  let run = 0;
  for (const slot of index.slots) {
    run = slot === 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  assert.ok(longest < 200, `${longest} slots in a row are taken`);
  for (let job = 0; job < 100_000; job++) assert.equal(findId(index, jobId(prefix, job, 3)), job);
  assert.equal(findId(index, jobId(prefix, 100_000, 3)), -1);
  assert.equal(findId(index, 'no id'), -1);
  assert.throws(() => addId(index, 100_000, 'no id'), /"no id" is not a job id/);
});
