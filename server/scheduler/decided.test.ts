import { Batch } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecidedBatches } from './decided.ts';

const place = { partition: 3, number: 7 };

function batchOf(jobId: string): Batch {
  return Batch.fromPartial({
    queue: 'q',
    sequences: [{ queue: 'q', jobSetName: 'set' }],
    changed: [{ record: { jobId }, expectedVersion: 2 }],
    closed: ['operation'],
  });
}

test('entryOf() gives what a batch says, at the number of its entry', () => {
  const decided = createDecidedBatches();
  const batch = batchOf('a');
  decided.add(1, batch);
  decided.settled(1, { outcome: 'applied', ...place });
  const { jobs, closed, queue, number, partition } = decided.entryOf(1, place);
  assert.deepEqual(jobs, [{ record: batch.changed[0]?.record, version: 7 }]);
  assert.deepEqual({ closed, queue, number, partition }, { closed: ['operation'], queue: 'q', ...place });
});

test('entryOf() gives a batch whose entry comes before its outcome', () => {
  const decided = createDecidedBatches();
  decided.add(1, batchOf('a'));
  assert.equal(decided.entryOf(1, place).jobs.length, 1);
  decided.settled(1, { outcome: 'applied', ...place });
  assert.throws(() => decided.entryOf(1, place), /decided/);
});

test('a batch is let go of that came to nothing, or whose entry came otherwise', () => {
  const decided = createDecidedBatches();
  for (const id of [1, 2, 3]) decided.add(id, batchOf(`job-${id}`));
  decided.settled(1, { outcome: 'stale', partition: 3, jobs: [], versions: [] });
  decided.settled(2, { outcome: 'applied', ...place });
  decided.settled(3, { outcome: 'applied', partition: 3, number: 8 });
  decided.reached(3, 7);
  for (const id of [1, 2]) assert.throws(() => decided.entryOf(id, place), /decided/);
  assert.equal(decided.entryOf(3, { partition: 3, number: 8 }).jobs[0]?.record?.jobId, 'job-3');
});
