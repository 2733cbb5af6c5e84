import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dominantShare, fairnessError, sharesOf } from './shares.ts';

test('the dominant share is that of the scarcest resource', () => {
  assert.equal(dominantShare([2, 8], [10, 10]), 0.8);
  assert.equal(dominantShare([2, 8], [10, 0]), 0.2);
  assert.equal(dominantShare([], [10]), 0);
});

test('what one does not need goes to the others, by weight', () => {
  const shares = sharesOf([
    { weight: 1, actual: 0.1, demand: 0.1 },
    { weight: 1, actual: 0.2, demand: 5 },
    { weight: 2, actual: 0.6, demand: 5 },
    { weight: 7, actual: 0, demand: 0 },
  ]);
  assert.deepEqual(
    shares.map(({ fair }) => fair),
    [0.25, 0.25, 0.5, 0],
  );
  const rounded = shares.map(({ adjusted }) => Math.round(adjusted * 1e6) / 1e6);
  assert.deepEqual(rounded, [0.1, 0.3, 0.6, 0]);
  assert.equal(Math.round(fairnessError(shares) * 1e6) / 1e6, 0.1);
});

test('adjusted shares never exceed the pool or what was asked for, and leave nothing that is wanted', () => {
  const claimant = fc.record({
    weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
    actual: fc.double({ min: 0, max: 1, noNaN: true }),
    demand: fc.double({ min: 0, max: 3, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(claimant, { maxLength: 20 }), (claimants) => {
      const shares = sharesOf(claimants);
      const given = shares.reduce((sum, { adjusted }) => sum + adjusted, 0);
      const wanted = shares.reduce((sum, { demand }) => sum + demand, 0);
      assert(given <= 1 + 1e-9);
      assert(shares.every(({ adjusted, demand }) => adjusted <= demand + 1e-9));
      assert(given >= Math.min(1, wanted) - 1e-9);
      assert(shares.every(({ fair, adjusted, demand }) => adjusted >= Math.min(fair, demand) - 1e-9));
    }),
    { numRuns: 300 },
  );
});
