import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { lease, requeued, returned, erred } from '../model/testing/job-events.ts';
import { AT_MS, after, submitted } from '../model/testing/jobs.ts';
import { createKeptRecords, dropRecord, keepRecord, keptRecord } from './kept-records.ts';

const fresh = submitted();
const leased = after(fresh, lease('r'));
const RECORDS: Record<string, JobRecord> = {
  'a queued job': fresh,
  'with a client id': { ...fresh, clientId: 'mine' },
  'of somebody else': { ...fresh, owner: 'bob', groups: ['users', 'admins'], namespace: 'elsewhere' },
  'with flags and a gang': {
    ...fresh,
    atMostOnce: true,
    failFast: true,
    gang: { id: 'gang', cardinality: 2, uniformityLabel: '' },
  },
  'a job that was asked to change': {
    ...fresh,
    requestedPriority: 0,
    reprioritizedBy: 'ann',
    cancel: { requestor: 'ann', reason: 'why', atMs: AT_MS },
  },
  'a leased job': { ...leased, changedAtMs: AT_MS + 1.5 },
  'a job that came back': after(leased, erred('r', returned(true)), requeued),
};

for (const [name, record] of Object.entries(RECORDS)) {
  test(`keptRecord() gives back ${name}`, () => {
    const kept = createKeptRecords();
    keepRecord(kept, 5, fresh);
    keepRecord(kept, 5, record);
    const { jobId, queue, jobSet, priority, submittedAtMs } = record;
    const found = keptRecord(kept, 5, { jobId, queue, jobSet, priority, submittedAtMs });
    assert.deepEqual(found, JobRecord.decode(JobRecord.encode(record).finish()));
  });
}

test('what jobs have in common is kept once, and let go of with the last of them', () => {
  const kept = createKeptRecords();
  for (let job = 0; job < 100; job++) keepRecord(kept, job, fresh);
  assert.equal(kept.byClass.size, 1);
  assert.equal(kept.slab.blocks.length, 0, 'a job that has nothing of its own takes no bytes');
  keepRecord(kept, 0, leased);
  assert.equal(kept.byClass.size, 1);
  for (let job = 0; job < 100; job++) dropRecord(kept, job);
  assert.equal(kept.byClass.size, 0);
  keepRecord(kept, 0, { ...fresh, owner: 'bob' });
  assert.equal(kept.commons.length, 1);
  assert.throws(() => keptRecord(kept, 1, fresh), /no record of job \w+ is kept/);
});
