import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobRecord, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import { jobId, requestPrefix } from '../model/ids.ts';
import { jobKey } from '../model/job-key.ts';
import { withoutShared } from '../model/shared-fields.ts';
import { lease } from '../model/testing/job-events.ts';
import { AT_MS, after, submitted } from '../model/testing/jobs.ts';
import { packJobs, type PackedJobs } from '../store/packed-jobs.ts';
import { packWhole } from '../store/testing/packed-jobs.ts';
import { findJob, recordOf } from './jobs.ts';
import { applyPage } from './apply.ts';
import { createState, type State } from './state.ts';

const fresh = { ...submitted(), queue: 'q', jobSet: 's', schedulingClass: 'class', owner: 'ann' };
const gang = { id: 'gang', cardinality: 2, uniformityLabel: '' };
const JOBS: Record<string, JobRecord> = {
  'a queued job': fresh,
  'a queued job of higher priority': { ...fresh, priority: 300, groups: ['users'] },
  'one with a client id': { ...fresh, clientId: 'mine', externalJobUri: 'uri', gang },
  'one that was queued again': { ...fresh, changedAtMs: AT_MS + 5 },
  'one that is to be cancelled': { ...fresh, cancel: { requestor: 'ann', reason: 'why', atMs: AT_MS } },
  'one that gets another priority': { ...fresh, requestedPriority: 0 },
  'a leased job': after(fresh, lease('00000000-0000-8000-8000-000000000001')),
};
const prefix = requestPrefix(AT_MS, new Uint8Array(7));
const stored = Object.values(JOBS).map((record, i) => ({
  record: { ...record, jobId: jobId(prefix, i, 5) },
  version: 10 + i,
}));

/** As the engines do: what the jobs have in common once, of each the rest. */
function packed(): PackedJobs {
  const commons = stored.map(({ record }) => {
    const { queue, jobSet, owner, groups, namespace, schedulingClass } = record;
    return JobRecord.create({ queue, jobSet, owner, groups, namespace, schedulingClass });
  });
  const jobs = stored.map(({ record, version }, common) => {
    const own = JobRecord.encode(withoutShared(record)).finish();
    return { key: jobKey(record.jobId)!, version, submitted: 7, common, own };
  });
  return packJobs(commons, jobs);
}

function load(state: State, jobs: PackedJobs): void {
  applyPage(state, { jobs, classes: [SchedulingClass.create({ id: 'class' })], operations: [] });
}

function shownJob(state: State, id: string): object {
  const { jobs, queues, waiting } = state;
  const job = findJob(jobs, id);
  return {
    record: JobRecord.encode(recordOf(jobs, job)).finish(),
    version: jobs.version[job],
    submittedNumber: jobs.submittedNumber[job],
    queue: queues.names[jobs.queue[job] ?? -1],
    flags: jobs.flags[job],
    isDue: state.due.has(job),
    isWaiting: (waiting.position[job] ?? -1) >= 0,
  };
}

test('a loaded job is the same whether it is made into a record on the way or not', () => {
  const loaded = createState(new Map());
  load(loaded, packed());
  const plain = createState(new Map());
  load(plain, packWhole(stored));
  assert.equal(loaded.needs.get('class')?.jobs, stored.length);
  for (const [i, name] of Object.keys(JOBS).entries()) {
    const id = stored[i]!.record.jobId;
    assert.deepEqual(shownJob(loaded, id), { ...shownJob(plain, id), submittedNumber: 7 }, name);
    const found = recordOf(loaded.jobs, findJob(loaded.jobs, id));
    assert.deepEqual(JobRecord.encode(found).finish(), JobRecord.encode(stored[i]!.record).finish(), name);
  }
  assert.equal(loaded.waiting.size, plain.waiting.size);
});

test('a page that comes late takes nothing back, and one that comes again changes nothing', () => {
  const state = createState(new Map());
  const [first] = stored;
  const newer = { record: after(first!.record, lease('00000000-0000-8000-8000-000000000002')), version: 99 };
  load(state, packWhole([newer]));
  load(state, packed());
  load(state, packed());
  assert.equal(recordOf(state.jobs, findJob(state.jobs, first!.record.jobId)).runs.length, 1);
  assert.equal(state.jobs.index.size, stored.length);
  assert.equal(state.needs.get('class')?.jobs, stored.length);
});
