/** Every kind of report, against every circumstance that changes what follows from it. */
import { JobState } from '@armada-ts/api/api/job';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import {
  type Error as RunError,
  KubernetesReason,
  SubmitJob,
} from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from '../model/instant.ts';
import { type Event, applyEvent, submittedJob } from '../model/job.ts';
import { applyAll, decide, isDue, preemptEvents } from './decide.ts';

type Payload = NonNullable<Event['event']>;

const FACTS = { nowMs: 5_000, maxAttempts: 3, isRunLost: false };
const jobId = '01h45h9mg0000000000000abcd';
const NO_ERROR = { terminal: true, failureCategory: '', failureSubcategory: '', retryPolicyName: '' };

function lease(run: string): Payload {
  const value = {
    jobId,
    runId: run,
    executorId: 'east',
    nodeId: 'n1',
    pool: 'default',
    updateSequenceNumber: 1,
    hasScheduledAtPriority: false,
    scheduledAtPriority: 0,
    podRequirementsOverlay: undefined,
  };
  return { $case: 'jobRunLeased', value };
}

function runError(run: string, reason: NonNullable<RunError['reason']>): Payload {
  return { $case: 'jobRunErrors', value: { jobId, runId: run, errors: [{ ...NO_ERROR, reason }] } };
}

function returned(run: string, runAttempted: boolean): Payload {
  const value = { objectMeta: undefined, message: 'no image', podNumber: 0, runAttempted, debugMessage: '' };
  return runError(run, { $case: 'podLeaseReturned', value });
}

function podError(run: string): Payload {
  return runError(run, {
    $case: 'podError',
    value: {
      objectMeta: undefined,
      message: 'exit code 3',
      nodeName: 'n1',
      podNumber: 0,
      containerErrors: [],
      kubernetesReason: KubernetesReason.AppError,
      debugMessage: '',
    },
  });
}

const running: Payload = {
  $case: 'jobRunRunning',
  value: { jobId, runId: 'r1', resourceInfos: [], pool: 'default' },
};
const succeeded: Payload = { $case: 'jobRunSucceeded', value: { jobId, runId: 'r1', resourceInfos: [] } };
const requeued: Payload = {
  $case: 'jobRequeued',
  value: { jobId, schedulingInfo: undefined, updateSequenceNumber: 2 },
};
const cancel: Payload = { $case: 'cancelJob', value: { jobId, reason: 'enough' } };
const preempt: Payload = { $case: 'jobPreemptionRequested', value: { jobId, reason: 'room' } };
const reprioritise: Payload = { $case: 'reprioritiseJob', value: { jobId, priority: 9 } };

/** A job after these events; requests are bob's. */
function jobAfter(history: Payload[], more: Partial<JobRecord> = {}): JobRecord {
  const sender = { queue: 'q', jobSetName: 'set', userId: 'alice', groups: [] };
  const job = SubmitJob.create({ jobId });
  let record: JobRecord = {
    ...submittedJob({ sender, job, createdMs: 0, schedulingClass: 'c', gang: undefined }),
    ...more,
  };
  for (const event of history) {
    const next = applyEvent(record, { event, created: timestampOf(1_000) }, 'bob');
    assert.ok(next, `${event.$case} applies`);
    record = next;
  }
  return record;
}

const TABLE: {
  what: string;
  history: Payload[];
  job?: Partial<JobRecord>;
  isRunLost?: boolean;
  events: string[];
  state: JobState;
}[] = [
  { what: 'nothing follows from a submit', history: [], events: [], state: JobState.QUEUED },
  { what: 'nothing follows from a lease', history: [lease('r1')], events: [], state: JobState.LEASED },
  {
    what: 'nothing follows from a start',
    history: [lease('r1'), running],
    events: [],
    state: JobState.RUNNING,
  },
  {
    what: 'success of the run is success of the job',
    history: [lease('r1'), succeeded],
    events: ['jobSucceeded'],
    state: JobState.SUCCEEDED,
  },
  {
    what: 'a run that succeeded before it was cancelled has succeeded',
    history: [lease('r1'), cancel, succeeded],
    events: ['jobSucceeded'],
    state: JobState.SUCCEEDED,
  },
  {
    what: 'failure of the run is failure of the job',
    history: [lease('r1'), running, podError('r1')],
    events: ['jobErrors'],
    state: JobState.FAILED,
  },
  {
    what: 'a failed run of a cancelled job is cancelled',
    history: [lease('r1'), cancel, podError('r1')],
    events: ['cancelledJob'],
    state: JobState.CANCELLED,
  },
  {
    what: 'a run that is to give way ends, and its job with it',
    history: [lease('r1'), running, preempt],
    events: ['jobRunPreempted', 'jobErrors'],
    state: JobState.PREEMPTED,
  },
  {
    what: 'a run that succeeded before it was preempted has succeeded',
    history: [lease('r1'), preempt, succeeded],
    events: ['jobSucceeded'],
    state: JobState.SUCCEEDED,
  },
  {
    what: 'a job that is cancelled and preempted is cancelled',
    history: [lease('r1'), preempt, cancel],
    events: ['jobRunCancelled', 'cancelledJob'],
    state: JobState.CANCELLED,
  },
  {
    what: 'a returned lease is not queued again when its job is to give way',
    history: [lease('r1'), preempt, returned('r1', true)],
    events: ['jobRunPreempted', 'jobErrors'],
    state: JobState.PREEMPTED,
  },
  {
    what: 'a failed run of a job that is to give way is preempted',
    history: [lease('r1'), preempt, podError('r1')],
    events: ['jobRunPreempted', 'jobErrors'],
    state: JobState.PREEMPTED,
  },
  {
    what: 'a lost run of a job that is to give way is preempted',
    history: [lease('r1'), preempt],
    isRunLost: true,
    events: ['jobRunPreempted', 'jobErrors'],
    state: JobState.PREEMPTED,
  },
  {
    what: 'a returned lease is queued again',
    history: [lease('r1'), returned('r1', true)],
    events: ['jobRequeued'],
    state: JobState.QUEUED,
  },
  {
    what: 'a returned lease that fails fast ends the job',
    history: [lease('r1'), returned('r1', false)],
    job: { failFast: true },
    events: ['jobErrors'],
    state: JobState.FAILED,
  },
  {
    what: 'a returned lease that may run once, and may have, ends the job',
    history: [lease('r1'), returned('r1', true)],
    job: { atMostOnce: true },
    events: ['jobErrors'],
    state: JobState.FAILED,
  },
  {
    what: 'a returned lease that may run once, and did not, is queued again',
    history: [lease('r1'), returned('r1', false)],
    job: { atMostOnce: true },
    events: ['jobRequeued'],
    state: JobState.QUEUED,
  },
  {
    what: 'the last attempt returned ends the job',
    history: [
      lease('r1'),
      returned('r1', true),
      requeued,
      lease('r2'),
      returned('r2', true),
      requeued,
      lease('r3'),
      returned('r3', true),
    ],
    events: ['jobErrors'],
    state: JobState.FAILED,
  },
  {
    what: 'leases that came back untouched do not count',
    history: [
      lease('r1'),
      returned('r1', false),
      requeued,
      lease('r2'),
      returned('r2', false),
      requeued,
      lease('r3'),
      returned('r3', true),
    ],
    events: ['jobRequeued'],
    state: JobState.QUEUED,
  },
  {
    what: 'a run of a lost executor is given up',
    history: [lease('r1'), running],
    isRunLost: true,
    events: ['jobRunErrors', 'jobRequeued'],
    state: JobState.QUEUED,
  },
  {
    what: 'a run of a lost executor that may run once ends the job',
    history: [lease('r1')],
    job: { atMostOnce: true },
    isRunLost: true,
    events: ['jobRunErrors', 'jobErrors'],
    state: JobState.FAILED,
  },
  {
    what: 'a queued job has nothing to lose',
    history: [lease('r1'), returned('r1', true), requeued],
    isRunLost: true,
    events: [],
    state: JobState.QUEUED,
  },
  {
    what: 'a queued job is cancelled',
    history: [cancel],
    events: ['cancelledJob'],
    state: JobState.CANCELLED,
  },
  {
    what: 'a running job is cancelled with its run',
    history: [lease('r1'), running, cancel],
    events: ['jobRunCancelled', 'cancelledJob'],
    state: JobState.CANCELLED,
  },
  {
    what: 'a priority asked for is given',
    history: [reprioritise],
    events: ['reprioritisedJob'],
    state: JobState.QUEUED,
  },
  {
    what: 'a priority asked for is given to a job that is queued again',
    history: [lease('r1'), reprioritise, returned('r1', true)],
    events: ['jobRequeued', 'reprioritisedJob'],
    state: JobState.QUEUED,
  },
  {
    what: 'a job that fails needs no priority',
    history: [lease('r1'), reprioritise, podError('r1')],
    events: ['jobErrors'],
    state: JobState.FAILED,
  },
];

for (const { what, history, job, isRunLost = false, events, state } of TABLE) {
  test(`decide(): ${what}`, () => {
    const record = jobAfter(history, job);
    const decided = decide(record, { ...FACTS, isRunLost });
    assert.deepEqual(
      decided.map((one) => one.event?.$case),
      events,
    );
    if (events.length > 0) assert.ok(isDue(record) || isRunLost, 'what is decided was due');
    const after = applyAll(record, decided);
    assert.equal(after.state, state);
    assert.deepEqual(decide(after, { ...FACTS, isRunLost }), [], 'nothing follows twice');
    assert.equal(isDue(after), false);
  });
}

function decidedError(record: JobRecord): RunError['reason'] {
  const last = decide(record, FACTS).at(-1)?.event;
  assert.ok(last?.$case === 'jobErrors');
  assert.equal(last.value.errors[0]?.terminal, true);
  return last.value.errors[0].reason;
}

test('decide() says who cancelled the job and why', () => {
  const [run, job] = decide(jobAfter([lease('r1'), cancel]), FACTS);
  assert.deepEqual(run?.event, {
    $case: 'jobRunCancelled',
    value: { jobId, runId: 'r1', requestor: 'bob', reason: 'enough' },
  });
  assert.deepEqual(job?.event, {
    $case: 'cancelledJob',
    value: { jobId, requestor: 'bob', reason: 'enough' },
  });
  assert.deepEqual(job.created, timestampOf(5_000));
});

test('decide() fails a job for the reason of its run', () => {
  const reason = decidedError(jobAfter([lease('r1'), podError('r1')]));
  assert.ok(reason?.$case === 'podError');
  assert.equal(reason.value.message, 'exit code 3');
});

test('decide() ends the attempts with the words of the last run', () => {
  const history = [lease('r1'), returned('r1', true)];
  const reason = decidedError(jobAfter(history, { failFast: true }));
  assert.ok(reason?.$case === 'maxRunsExceeded');
  assert.equal(
    reason.value.message,
    'The job asks to fail fast, and its run came back. The last run, on node "n1", said: no image',
  );
});

test('a preempted job says who asked and why, in both its events', () => {
  const record = jobAfter([lease('r1'), preempt]);
  const [run, job] = decide(record, FACTS).map((one) => one.event);
  const reason = 'Preempted by bob - room';
  assert(run?.$case === 'jobRunPreempted' && job?.$case === 'jobErrors');
  assert.deepEqual([run.value.requestor, run.value.reason], ['bob', reason]);
  assert.deepEqual(job.value.errors[0]?.reason, { $case: 'jobRunPreemptedError', value: { reason } });
  const [wordless] = preemptEvents(record, { requestor: 'bob', reason: '' }, 0);
  assert(wordless?.event?.$case === 'jobRunPreempted');
  assert.equal(wordless.event.value.reason, 'Preempted by bob');
});

test('a job without a run has nothing to give way with', () => {
  assert.deepEqual(preemptEvents(jobAfter([]), { requestor: 'bob', reason: '' }, 0), []);
  const again = jobAfter([lease('r1'), returned('r1', true), requeued]);
  assert.deepEqual(preemptEvents(again, { requestor: 'bob', reason: '' }, 0), []);
});
