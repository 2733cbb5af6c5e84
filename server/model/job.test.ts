import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { KubernetesResourceInfo, SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  JOB,
  returned,
  EXPIRED,
  BROKEN,
  REJECTED,
  PREEMPTED,
  lease,
  assigned,
  running,
  done,
  erred,
  runCancelled,
  runPreempted,
  utilisation,
  ingress,
  debugInfo,
  requeued,
  succeeded,
  cancelled,
  jobErrors,
  cancel,
  preempt,
  reprioritise,
  reprioritised,
  type Payload,
} from './testing/job-events.ts';
import { timestampOf } from './instant.ts';
import {
  applyEvent,
  attemptsOf,
  type Event,
  isActive,
  isTerminal,
  jobIdOf,
  lastRun,
  submittedJob,
  validRun,
} from './job.ts';

type Kind = Payload['$case'];

const at = (event: Payload, ms = 1000): Event => ({ event, created: timestampOf(ms) });

function fresh(job: Partial<SubmitJob> = {}): JobRecord {
  return submittedJob({
    sender: { queue: 'queue', jobSetName: 'set', userId: 'ann', groups: ['users'] },
    job: { ...SubmitJob.create(), jobId: JOB, priority: 5, ...job },
    createdMs: 1,
    schedulingClass: 'class',
    gang: undefined,
  });
}

/** The record after these events, all of which must apply. */
function after(...events: Payload[]): JobRecord {
  return events.reduce((record, event) => {
    const next = applyEvent(record, at(event, 100), 'ann');
    assert(next, `${event.$case} must apply to a job that is ${record.state}`);
    return next;
  }, fresh());
}

const LEASED = [lease('r')];
const PENDING = [...LEASED, assigned('r')];
const RUNNING = [...PENDING, running('r')];

/** Jobs at every turn; the run is `r` wherever there is one. */
const SITUATIONS = {
  queued: after(),
  again: after(...RUNNING, erred('r', EXPIRED), requeued),
  leased: after(...LEASED),
  pending: after(...PENDING),
  running: after(...RUNNING),
  done: after(...RUNNING, done('r')),
  broken: after(...RUNNING, erred('r', BROKEN)),
  returned: after(...PENDING, erred('r', returned(true))),
  expired: after(...RUNNING, erred('r', EXPIRED)),
  stopped: after(...RUNNING, runCancelled('r')),
  evicted: after(...RUNNING, runPreempted('r')),
};
const ENDED = {
  succeeded: after(...RUNNING, done('r'), succeeded),
  failed: after(...RUNNING, erred('r', BROKEN), jobErrors(BROKEN)),
  rejected: after(jobErrors(REJECTED)),
  preempted: after(...RUNNING, runPreempted('r'), jobErrors(PREEMPTED)),
  cancelled: after(...RUNNING, runCancelled('r'), cancelled),
};

type Situation = keyof typeof SITUATIONS;
const ALL = Object.keys(SITUATIONS) as Situation[];
const ACTIVE: Situation[] = ['leased', 'pending', 'running'];
const WITH_RUN: Situation[] = ALL.filter((situation) => situation !== 'queued');
const LOST: Situation[] = ['broken', 'returned', 'expired'];

/** Every kind of event, where it applies, and the job's state after it where it says. */
const RULES: [Payload, Situation[], keyof typeof JobState | undefined][] = [
  [{ $case: 'submitJob', value: SubmitJob.create({ jobId: JOB }) }, [], undefined],
  [{ $case: 'cancelJobSet', value: { states: [], reason: '' } }, [], undefined],
  [{ $case: 'reprioritiseJobSet', value: { priority: 1 } }, [], undefined],
  [{ $case: 'partitionMarker', value: { groupId: '', partition: 0 } }, [], undefined],
  [cancel(), ALL, undefined],
  [preempt(), ACTIVE, undefined],
  [reprioritise(1), ALL, undefined],
  [reprioritised(1), ALL, undefined],
  [cancelled, ALL, 'CANCELLED'],
  [succeeded, ['done'], 'SUCCEEDED'],
  [jobErrors(BROKEN), ALL, 'FAILED'],
  [jobErrors(REJECTED), ALL, 'REJECTED'],
  [jobErrors(PREEMPTED), ALL, 'PREEMPTED'],
  [jobErrors({ ...BROKEN, terminal: false }), ALL, undefined],
  [jobErrors({ ...BROKEN, terminal: false }, EXPIRED), ALL, 'FAILED'],
  [requeued, LOST, 'QUEUED'],
  [lease('new'), ['queued', 'again'], 'LEASED'],
  [assigned('r'), ['leased'], 'PENDING'],
  [running('r'), ['leased', 'pending'], 'RUNNING'],
  [done('r'), ACTIVE, undefined],
  [erred('r', BROKEN), ACTIVE, undefined],
  [erred('r'), ACTIVE, undefined],
  [erred('r', returned(false)), ACTIVE, undefined],
  [runCancelled('r'), ACTIVE, undefined],
  [runPreempted('r'), [...ACTIVE, ...LOST], undefined],
  [utilisation('r'), WITH_RUN, undefined],
  [ingress('r'), WITH_RUN, undefined],
  [debugInfo('r'), WITH_RUN, undefined],
  [{ $case: 'jobRunPreemptionRequested', value: { jobId: JOB, runId: 'r' } }, ALL, undefined],
  [{ $case: 'jobValidated', value: { jobId: JOB, pools: [] } }, ALL, undefined],
  ...[assigned, running, done, erred, runCancelled, runPreempted, utilisation, ingress, debugInfo].map(
    (make): [Payload, Situation[], undefined] => [make('another'), [], undefined],
  ),
];

for (const [event, situations, state] of RULES) {
  const { $case } = event;
  test(`${$case} applies to jobs that are: ${situations.join(', ') || 'none'}`, () => {
    for (const situation of ALL) {
      const before = SITUATIONS[situation];
      const copy = structuredClone(before);
      const next = applyEvent(before, at(event), 'bob');
      assert.equal(next !== undefined, situations.includes(situation), situation);
      assert.deepEqual(before, copy, 'records are values');
      if (next) assert.equal(next.state, state === undefined ? before.state : JobState[state], situation);
    }
    for (const [situation, before] of Object.entries(ENDED)) {
      assert.equal(applyEvent(before, at(event), 'bob'), undefined, situation);
    }
  });
}

test('the rules speak of every kind of event', () => {
  const kinds = new Set<Kind>(RULES.map(([event]) => event.$case));
  // As many as the oneof of the contract has: a new kind needs a rule.
  assert.equal(kinds.size, 24);
  assert.equal(applyEvent(fresh(), { event: undefined, created: undefined }, 'bob'), undefined);
});

test('jobIdOf() names the job, and none for events of job sets', () => {
  for (const [event] of RULES) {
    const isOfSet = ['cancelJobSet', 'reprioritiseJobSet', 'partitionMarker'].includes(event.$case);
    assert.equal(jobIdOf(at(event)), isOfSet ? undefined : JOB, event.$case);
  }
  assert.equal(jobIdOf({ event: undefined, created: undefined }), undefined);
});

test('a submitted job waits, and says who it is for and what it asks', () => {
  const annotations = new Map([['armadaproject.io/failFast', 'true']]);
  const objectMeta = {
    namespace: 'ns',
    annotations,
    name: '',
    labels: new Map(),
    executorId: '',
    kubernetesId: '',
  };
  const record = fresh({
    deduplicationId: 'mine',
    externalJobUri: 'uri',
    atMostOnce: true,
    objectMeta,
  });
  assert.equal(record.state, JobState.QUEUED);
  assert.deepEqual(
    [record.queue, record.jobSet, record.owner, record.groups, record.namespace],
    ['queue', 'set', 'ann', ['users'], 'ns'],
  );
  assert.deepEqual(
    [record.clientId, record.externalJobUri, record.priority, record.atMostOnce, record.failFast],
    ['mine', 'uri', 5, true, true],
  );
  assert.deepEqual([record.submittedAtMs, record.changedAtMs, record.endedAtMs], [1, 1, undefined]);
  assert.equal(fresh().failFast, false);
});

test('a run tells where and when it was, and what became of it', () => {
  const info = KubernetesResourceInfo.fromPartial({ objectMeta: { executorId: 'cluster', name: 'pod' } });
  const story: [Payload, number][] = [
    [lease('r'), 10],
    [assigned('r', [info]), 20],
    [running('r'), 30],
    [done('r'), 40],
    [succeeded, 50],
  ];
  const record = story.reduce((one, [event, ms]) => applyEvent(one, at(event, ms), '') ?? one, fresh());
  assert.deepEqual(record.runs, [
    {
      runId: 'r',
      executorId: 'cluster',
      node: 'node',
      pool: 'default',
      state: JobRunState.RUN_STATE_SUCCEEDED,
      leasedAtMs: 10,
      pendingAtMs: 20,
      startedAtMs: 30,
      finishedAtMs: 40,
      attempted: true,
      error: undefined,
      resource: info,
      ingressAddresses: new Map(),
    },
  ]);
  assert.deepEqual([record.changedAtMs, record.endedAtMs], [50, 50]);
});

test('the addresses of a run are kept, also when they are told after its end', () => {
  const addresses = new Map([[8080, 'job.example.com']]);
  const told = (event: Payload): Payload => {
    assert(event.$case === 'standaloneIngressInfo');
    return { ...event, value: { ...event.value, ingressAddresses: addresses } };
  };
  const late = after(...RUNNING, done('r'), told(ingress('r')));
  assert.deepEqual(late.runs.at(-1)?.ingressAddresses, addresses);
  assert.equal(late.runs.at(-1)?.state, JobRunState.RUN_STATE_SUCCEEDED);
});

test('attempts are the runs that may have started', () => {
  const attempts = (...events: Payload[]): number => attemptsOf(after(...events));
  assert.equal(attempts(...LEASED), 0);
  assert.equal(attempts(...PENDING), 1);
  assert.equal(attempts(...LEASED, erred('r', returned(false))), 0);
  assert.equal(attempts(...PENDING, erred('r', returned(false))), 0);
  assert.equal(attempts(...LEASED, erred('r', returned(true))), 1);
  // Nobody can say whether it started.
  assert.equal(attempts(...LEASED, erred('r', EXPIRED)), 1);
  assert.equal(attempts(...LEASED, erred('r', BROKEN)), 1);
  assert.equal(attempts(...RUNNING, erred('r', EXPIRED), requeued, lease('s'), assigned('s')), 2);
});

test('a run ends for the terminal error among those reported', () => {
  const record = after(
    ...RUNNING,
    erred('r', { ...EXPIRED, terminal: false }, BROKEN, { ...EXPIRED, terminal: false }),
  );
  assert.equal(lastRun(record)?.state, JobRunState.RUN_STATE_FAILED);
  assert.deepEqual(lastRun(record)?.error, BROKEN);
});

test('a failed job says why', () => {
  for (const error of [BROKEN, REJECTED, PREEMPTED]) assert.deepEqual(after(jobErrors(error)).error, error);
});

test('late reports of a run do nothing to the one that took its place', () => {
  const record = after(...RUNNING, erred('r', EXPIRED), requeued, lease('s'));
  for (const make of [
    assigned,
    running,
    done,
    erred,
    runCancelled,
    runPreempted,
    utilisation,
    ingress,
    debugInfo,
  ]) {
    assert.equal(applyEvent(record, at(make('r')), ''), undefined, make('r').$case);
  }
  assert.equal(validRun(record)?.runId, 's');
});

test('only the newest run of a live job is valid, and only until it ends', () => {
  const valid = Object.entries({ ...SITUATIONS, ...ENDED })
    .filter(([, record]) => validRun(record) !== undefined)
    .map(([situation]) => situation);
  assert.deepEqual(valid, ACTIVE);
  // Cancelled before its executor was told: the run is not ended, and yet nobody's reports count.
  const record = after(...RUNNING, cancelled);
  assert(isActive(lastRun(record)!));
  assert.equal(validRun(record), undefined);
});

test('whatever happens, in whatever order, a record stays consistent', () => {
  const runs = fc.constantFrom('r', 's', 't');
  const events = fc.oneof(
    ...[lease, assigned, running, done, runCancelled, runPreempted, utilisation].map((make) =>
      runs.map(make),
    ),
    fc
      .tuple(runs, fc.constantFrom(BROKEN, EXPIRED, returned(true), returned(false)))
      .map(([run, error]) => erred(run, error)),
    // The ends of a job are rare, or no sequence would get far.
    fc.constantFrom(requeued, requeued, requeued, cancel(), preempt(), reprioritise(2), reprioritised(3)),
    fc.constantFrom(
      requeued,
      succeeded,
      cancelled,
      jobErrors(BROKEN),
      jobErrors(PREEMPTED),
      jobErrors(REJECTED),
    ),
  );
  const ends = new Set<number>();
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (sequence) => {
      let record = fresh();
      for (const [index, event] of sequence.entries()) {
        const next = applyEvent(record, at(event, index + 2), 'ann');
        if (!next) continue;
        assert(!isTerminal(record.state), 'nothing happens to a job that has ended');
        record = next;
        checkConsistency(record);
      }
      ends.add(record.state);
    }),
    { numRuns: 400 },
  );
  assert(ends.size >= 6, 'the sequences must get somewhere');
});

function checkConsistency(record: JobRecord): void {
  assert.equal(record.endedAtMs !== undefined, isTerminal(record.state));
  const active = record.runs.filter(isActive);
  assert(active.length <= 1);
  const run = lastRun(record);
  if (active.length === 1) assert.equal(run, active[0]);
  const isUnderWay = [JobState.LEASED, JobState.PENDING, JobState.RUNNING].some(
    (state) => state === record.state,
  );
  if (isUnderWay) assert(run, 'a job that is under way has a run');
  if (!isTerminal(record.state) && run && isActive(run)) {
    const agreeing = new Map<number, number>([
      [JobRunState.RUN_STATE_LEASED, JobState.LEASED],
      [JobRunState.RUN_STATE_PENDING, JobState.PENDING],
      [JobRunState.RUN_STATE_RUNNING, JobState.RUNNING],
    ]);
    assert.equal(record.state, agreeing.get(run.state));
  }
  if (record.state === JobState.QUEUED && run) assert(!isActive(run));
  if (record.state === JobState.SUCCEEDED) assert.equal(run?.state, JobRunState.RUN_STATE_SUCCEEDED);
  for (const one of record.runs.slice(0, -1))
    assert(one.finishedAtMs !== undefined, 'earlier runs have ended');
}
