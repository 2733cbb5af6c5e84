import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { jobKey } from '../model/job-key.ts';
import { assigned, lease, running } from '../model/testing/job-events.ts';
import { after, idOf, submitted } from '../model/testing/jobs.ts';
import { packRecords, stampPacked, unpackJobs } from './packed-jobs.ts';

const leased = after(submitted({ n: 1 }), lease('00000000-0000-8000-8000-000000000001'));
const RECORDS: JobRecord[] = [
  submitted(),
  after(leased, assigned('00000000-0000-8000-8000-000000000001')),
  { ...submitted({ n: 2, jobSet: 'other', atMostOnce: true }), failFast: true, clientId: 'mine', groups: [] },
  {
    ...after(leased, running('00000000-0000-8000-8000-000000000001')),
    jobId: idOf(3),
    cancel: { requestor: 'ann', reason: 'why', atMs: 5 },
    endedAtMs: 7,
    externalJobUri: 'uri',
  },
  { ...submitted({ n: 4 }), jobSet: 'set', requestedPriority: 0, reprioritizedBy: 'bob' },
];

const jobs = RECORDS.map((record) => ({
  record,
  key: jobKey(record.jobId) ?? new Uint8Array(),
  version: 0,
  submitted: 0,
}));

test('jobs come out of the pack as they went in', () => {
  const packed = packRecords(jobs);
  stampPacked(packed, 12, 2);
  const unpacked = unpackJobs(packed);
  for (const [i, { record, version, submittedNumber }] of unpacked.entries()) {
    const bytes = JobRecord.encode(RECORDS[i] ?? JobRecord.create()).finish();
    assert.deepEqual(JobRecord.encode(record ?? JobRecord.create()).finish(), bytes);
    assert.equal(version, 12);
    assert.equal(submittedNumber, i < 2 ? 12 : undefined);
  }
  assert.equal(unpacked.length, RECORDS.length);
  assert.equal(packed.commons.length, 2, 'what jobs have in common is there once');
});

test('a record that is encoded already is packed like any other', () => {
  const encoded = jobs.map((job) => ({ ...job, encoded: JobRecord.encode(job.record).finish() }));
  assert.deepEqual(packRecords(encoded).bytes, packRecords(jobs).bytes);
});
