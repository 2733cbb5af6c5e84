/** What people ask of a job: noted by the first event, and known after the decision. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from './instant.ts';
import { applyEvent, type Event } from './job.ts';
import {
  assigned,
  BROKEN,
  cancel,
  erred,
  EXPIRED,
  JOB,
  lease,
  type Payload,
  preempt,
  reprioritise,
  reprioritised,
  returned,
  running,
  runPreempted,
} from './testing/job-events.ts';
import { after, submitted } from './testing/jobs.ts';

const RUNNING = [lease('r'), assigned('r'), running('r')];

const at = (event: Payload, ms = 1000): Event => ({ event, created: timestampOf(ms) });

test('the first request to cancel and to preempt is kept, later ones change nothing', () => {
  let record = applyEvent(after(submitted(), ...RUNNING), at(cancel('enough'), 7), 'bob');
  assert(record);
  assert.deepEqual(record.cancel, { requestor: 'bob', reason: 'enough', atMs: 7 });
  assert.equal(applyEvent(record, at(cancel('again'), 8), 'eve'), undefined);
  record = applyEvent(record, at(preempt('room'), 9), 'eve');
  assert(record);
  assert.deepEqual(record.preempt, { requestor: 'eve', reason: 'room', atMs: 9 });
  assert.equal(record.cancel?.requestor, 'bob');
  assert.equal(applyEvent(record, at(preempt(), 10), 'ann'), undefined);
});

test('a run that ended while it was to be preempted keeps its end', () => {
  for (const end of [BROKEN, EXPIRED, returned(true)]) {
    const lost = after(submitted(), ...RUNNING, erred('r', end));
    assert.deepEqual(applyEvent(lost, at(runPreempted('r')), 'bob')?.runs, lost.runs);
  }
});

test('a job that is preempted without a request of its own notes who asked', () => {
  const value = { preemptedJobId: JOB, preemptedRunId: 'r', preemptingJobId: '' };
  const preempted = (requestor: string): Payload => ({
    $case: 'jobRunPreempted',
    value: { ...value, requestor, reason: 'room' },
  });
  const request = { requestor: 'eve', reason: 'room', atMs: 7 };
  assert.deepEqual(applyEvent(after(submitted(), ...RUNNING), at(preempted('eve'), 7), '')?.preempt, request);
  assert.equal(applyEvent(after(submitted(), ...RUNNING), at(preempted(''), 7), '')?.preempt, undefined);
  const asked = applyEvent(after(submitted(), ...RUNNING), at(preempt('mine'), 6), 'bob');
  assert(asked);
  assert.equal(applyEvent(asked, at(preempted('eve'), 7), '')?.preempt?.requestor, 'bob');
});

test('a priority is asked for, then decided', () => {
  const asked = applyEvent(submitted(), at(reprioritise(9)), 'bob');
  assert(asked);
  assert.deepEqual([asked.priority, asked.requestedPriority, asked.reprioritizedBy], [0, 9, 'bob']);
  const changed = applyEvent(asked, at(reprioritise(3)), 'eve');
  assert(changed);
  assert.deepEqual([changed.priority, changed.requestedPriority, changed.reprioritizedBy], [0, 3, 'eve']);
  const decided = applyEvent(changed, at(reprioritised(3)), '');
  assert(decided);
  assert.deepEqual(
    [decided.priority, decided.requestedPriority, decided.reprioritizedBy],
    [3, undefined, ''],
  );
});

test('who cancelled a job is known, also when they cancelled its whole job set', () => {
  const decision: Payload = {
    $case: 'cancelledJob',
    value: { jobId: 'job', requestor: 'eve', reason: 'all' },
  };
  const bySet = applyEvent(submitted(), at(decision, 30), '');
  assert.deepEqual(bySet?.cancel, { requestor: 'eve', reason: 'all', atMs: 30 });
  const request: Payload = { $case: 'cancelJob', value: { jobId: 'job', reason: 'this' } };
  const asked = applyEvent(submitted(), at(request, 20), 'ann');
  const byId = asked && applyEvent(asked, at(decision, 30), '');
  assert.deepEqual(byId?.cancel, { requestor: 'ann', reason: 'this', atMs: 20 });
  assert.equal(byId?.endedAtMs, 30);
});
