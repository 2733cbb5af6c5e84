import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { haveSameShared, withoutShared } from './shared-fields.ts';

const common = {
  owner: 'alice',
  groups: ['users', 'admins'],
  namespace: 'default',
  schedulingClass: 'small',
  atMostOnce: true,
  failFast: true,
};
const own = { priority: 3, clientId: 'a', submittedAtMs: 5 };
const record = JobRecord.fromPartial({ ...common, ...own, jobId: 'id', queue: 'queue', jobSet: 'set' });

test('withoutShared() leaves what is the job’s own', () => {
  assert.deepEqual(withoutShared(record), JobRecord.fromPartial(own));
  assert.equal(record.owner, 'alice', 'the record is as it was');
});

test('haveSameShared() looks at every field of it, and at no other', () => {
  assert(haveSameShared(common, JobRecord.fromPartial({ ...common, priority: 7, jobSet: 'other' })));
  const others: Partial<JobRecord>[] = [
    { owner: 'bob' },
    { groups: ['users'] },
    { groups: ['admins', 'users'] },
    { namespace: 'other' },
    { schedulingClass: 'large' },
    { atMostOnce: false },
    { failFast: false },
  ];
  for (const other of others) assert(!haveSameShared(common, { ...record, ...other }), JSON.stringify(other));
});
