import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearNames } from './near-names.ts';

test('nearNames() finds slips of the finger, nearest first', () => {
  const known = ['queue', 'jobSetId', 'jobs', 'queues'];
  assert.deepEqual(nearNames('qeueu', known), []);
  assert.deepEqual(nearNames('qeue', known), ['queue']);
  assert.deepEqual(nearNames('quueue', known), ['queue', 'queues']);
  assert.deepEqual(nearNames('ujeue', ['queue']), []);
  assert.deepEqual(nearNames('uqeue', known), ['queue']);
  assert.deepEqual(nearNames('JobSetID', known), ['jobSetId']);
  assert.deepEqual(nearNames('job', known), ['jobs']);
  assert.deepEqual(nearNames('priority', known), []);
});

test('nearNames() names at most three and compares no long names', () => {
  assert.equal(nearNames('ab', ['aa', 'ac', 'ad', 'ae']).length, 3);
  assert.deepEqual(nearNames('a'.repeat(100_000), ['a'.repeat(100_000)]), []);
});
