import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocate, block, createPool, noteReleased, proposedCost, unblock } from './pools.ts';

/** A pool of 4 devices, 100 cpus and 1,000 KiB of memory. */
function poolOfThree() {
  const pool = createPool('default');
  pool.totals.set([4, 100, 1_000, 0]);
  return pool;
}

test('proposedCost() is the dominant share with the request, times the priority factor', () => {
  const pool = poolOfThree();
  allocate(pool, 1, new Float64Array([0, 20, 100, 0]), 1);
  const request = new Float64Array([1, 10, 0, 7]);
  assert.equal(proposedCost(pool, { index: 1, priorityFactor: 1 }, request), 0.3);
  assert.equal(proposedCost(pool, { index: 1, priorityFactor: 2 }, request), 0.6);
  assert.equal(
    proposedCost(pool, { index: 9, priorityFactor: 1 }, request),
    0.25,
    'a queue that holds nothing',
  );
  assert.equal(proposedCost(pool, { index: 1, priorityFactor: 0 }, request), 0.3, 'no factor counts as 1');
  allocate(pool, 1, new Float64Array([0, 20, 100, 0]), -1);
  assert.equal(proposedCost(pool, { index: 1, priorityFactor: 1 }, request), 0.25);
});

test('proposedCost() leaves out what the pool has nothing of', () => {
  assert.equal(
    proposedCost(createPool('empty'), { index: 0, priorityFactor: 1 }, new Float64Array([1, 1, 1, 1])),
    0,
  );
});

test('a pool that has seen very many releases tries every class again', () => {
  const pool = poolOfThree();
  block(pool, 5);
  assert.equal(pool.blockedAt[5], 1);
  for (let node = 0; node < 20_000; node++) noteReleased(pool, node);
  assert.equal(pool.blockedAt[5], 0);
  assert.ok(pool.released.length < 16_385);
  block(pool, 5);
  unblock(pool, 5);
  assert.equal(pool.blockedAt[5], 0);
});
