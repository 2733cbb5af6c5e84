import type { Batch, JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import {
  EventSequence,
  type EventSequence_Event,
  KubernetesResourceInfo,
} from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, AT_MS, idOf, stored, submitted } from '../model/testing/jobs.ts';
import {
  assigned,
  cancelled,
  debugInfo,
  done,
  erred,
  lease,
  type Payload,
  requeued,
  returned,
  running,
  runPreempted,
  succeeded,
  utilisation,
} from '../model/testing/job-events.ts';
import { createAuthorizer } from '../auth/authorizer.ts';
import { standaloneAuth } from '../auth/config.ts';
import type { Principal } from '../auth/principal.ts';
import { silentLogger } from '../base/logger.ts';
import { instantOf, timestampOf } from '../model/instant.ts';
import type { Store } from '../store/store.ts';
import { type ReportDeps, reportEvents } from './reports.ts';

const executor: Principal = { name: 'executor', groups: [], scopes: [], scheme: 'test' };
const NOW_MS = AT_MS + 60_000;

interface World {
  deps: ReportDeps;
  jobs: Map<string, StoredJob>;
  /** Of these jobs, what the inboxes know; none at first. */
  held: Map<string, StoredJob>;
  /** Ids of jobs that were read of the store. */
  reads: string[];
  batches: Batch[];
  /** Called before each append, to change a job behind the reporter's back. */
  meanwhile: () => void;
  record(n: number): JobRecord;
  report(...reports: [n: number, event: Payload, atMs?: number][]): Promise<void>;
}

/** A store of nothing but records, which refuses what was derived from older ones. */
function setUp(...records: JobRecord[]): World {
  const jobs = new Map(records.map((record) => [record.jobId, stored(record, 1)]));
  const held = new Map<string, StoredJob>();
  const world: World = {
    jobs,
    held,
    reads: [],
    batches: [],
    meanwhile: () => {},
    deps: {
      store: {
        read: {
          jobs: async (ids: string[]) => {
            world.reads.push(...ids);
            return ids.flatMap((id) => jobs.get(id) ?? []);
          },
        },
        append: async (batch: Batch) => {
          world.meanwhile();
          const isStale = batch.changed.some(
            ({ record, expectedVersion }) => jobs.get(record?.jobId ?? '')?.version !== expectedVersion,
          );
          if (isStale) return { outcome: 'stale', current: [] };
          for (const { record, expectedVersion } of batch.changed) {
            jobs.set(record!.jobId, stored(record!, expectedVersion + 1));
          }
          world.batches.push(batch);
          return { outcome: 'applied' };
        },
      } as unknown as Store,
      inboxes: { held: (jobId) => held.get(jobId) },
      authorizer: createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth }),
      clock: { now: () => NOW_MS, elapsed: () => 0 },
      logger: silentLogger,
    },
    record: (n) => jobs.get(idOf(n))!.record!,
    report: (...reports) =>
      reportEvents(world.deps, executor, [
        EventSequence.fromPartial({
          queue: 'whatever the executor says',
          events: reports.map(([n, event, atMs = AT_MS + 1000]) => ({
            event: about(idOf(n), event),
            created: timestampOf(atMs),
          })),
        }),
      ]),
  };
  return world;
}

/** The event, about this job. */
function about(jobId: string, event: Payload): EventSequence_Event['event'] {
  if (event.$case === 'jobRunPreempted') {
    return { ...event, value: { ...event.value, preemptedJobId: jobId } };
  }
  return { ...event, value: { ...event.value, jobId } } as EventSequence_Event['event'];
}

const from = (executorId: string): KubernetesResourceInfo[] => [
  KubernetesResourceInfo.fromPartial({ objectMeta: { executorId } }),
];
const leased = (n = 0, more: { queue?: string; jobSet?: string } = {}): JobRecord =>
  after(submitted({ n, ...more }), lease('r'));
const kindsOf = (batch: Batch | undefined): (string | undefined)[] =>
  batch?.sequences.flatMap(({ events }) => events.map(({ event }) => event?.$case)) ?? [];

test('reports of one job in one call are applied in order', async () => {
  const world = setUp(leased());
  await world.report([0, assigned('r', from('cluster'))], [0, running('r')], [0, done('r')]);
  assert.equal(world.record(0).state, JobState.RUNNING);
  assert.equal(world.record(0).runs[0]?.state, JobRunState.RUN_STATE_SUCCEEDED);
  assert.equal(world.batches.length, 1);
  assert.deepEqual(kindsOf(world.batches[0]), ['jobRunAssigned', 'jobRunRunning', 'jobRunSucceeded']);
});

test('each queue gets one batch, each job set one sequence, under the names the store knows', async () => {
  const world = setUp(leased(0), leased(1, { jobSet: 'b' }), leased(2, { queue: 'other' }), leased(3));
  await world.report([0, running('r')], [1, running('r')], [2, running('r')], [3, running('r')]);
  const shape = world.batches.map(({ queue, sequences }) => [
    queue,
    ...sequences.map((one) => `${one.queue}/${one.jobSetName}: ${one.events.length}`),
  ]);
  assert.deepEqual(shape, [
    ['queue', 'queue/set: 2', 'queue/b: 1'],
    ['other', 'other/set: 1'],
  ]);
});

test('what is not from the executor that holds the valid run of a live job is dropped', async () => {
  const world = setUp(
    leased(0),
    after(submitted({ n: 1 })),
    after(leased(2), running('r'), done('r'), succeeded),
    after(leased(3), cancelled),
  );
  const records = [0, 1, 2, 3].map((n) => world.record(n));
  await world.report(
    [0, running('another run')],
    [0, utilisation('another run')],
    [0, assigned('r', from('another executor'))],
    [0, erred('r', { ...returned(true), reason: podErrorOf('another executor') })],
    [1, running('r')],
    [2, done('r')],
    [3, running('r')],
    [7, running('r')],
    // Not an executor's to say.
    [0, lease('s')],
    [0, cancelled],
    [0, succeeded],
    [0, runPreempted('r')],
  );
  assert.deepEqual(world.batches, []);
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => world.record(n)),
    records,
  );
});

const podErrorOf = (executorId: string, message = '') => ({
  $case: 'podError' as const,
  value: {
    objectMeta: { ...from(executorId)[0]!.objectMeta! },
    message,
    nodeName: '',
    podNumber: 0,
    containerErrors: [],
    kubernetesReason: 0 as const,
    debugMessage: message,
  },
});

test('reports without a job, or of nothing, are passed over', async () => {
  const world = setUp(leased());
  await reportEvents(world.deps, executor, [
    EventSequence.fromPartial({
      events: [
        {},
        { event: about('not an id', running('r')) ?? running('r') },
        { event: { $case: 'cancelJobSet', value: {} } },
      ],
    }),
  ]);
  await reportEvents(world.deps, executor, []);
  assert.deepEqual(world.batches, []);
});

test('times lie between the lease and now', async () => {
  for (const [reportedMs, expectedMs] of [
    [AT_MS - 5000, AT_MS],
    [AT_MS + 5000, AT_MS + 5000],
    [NOW_MS + 5000, NOW_MS],
  ] as const) {
    const world = setUp(leased());
    await world.report([0, running('r'), reportedMs]);
    assert.equal(world.record(0).runs[0]?.startedAtMs, expectedMs);
    assert.equal(instantOf(world.batches[0]?.sequences[0]?.events[0]?.created), expectedMs);
  }
});

test('long texts are cut, short ones are kept', async () => {
  const long = 'x'.repeat(100_000);
  const world = setUp(leased(0), leased(1), leased(2), leased(3));
  const debug = debugInfo('r');
  assert(debug.$case === 'jobRunTerminatedDebugInfo');
  const rejected = { $case: 'jobRejected' as const, value: { message: long } };
  await world.report(
    [0, erred('r', { ...returned(true), reason: podErrorOf('cluster', long) })],
    [1, erred('r', { ...returned(true), reason: podErrorOf('cluster', 'short') })],
    [2, { ...debug, value: { ...debug.value, debugMessage: long } }],
    [3, erred('r', { ...returned(true), reason: rejected })],
  );
  const reason = world.record(0).runs[0]?.error?.reason;
  assert(reason?.$case === 'podError');
  assert.match(reason.value.message, /^x{4096}… \(cut\)$/);
  assert.match(reason.value.debugMessage, /^x{4096}… \(cut\)$/);
  const short = world.record(1).runs[0]?.error?.reason;
  assert(short?.$case === 'podError');
  assert.equal(short.value.message, 'short');
  const size = JSON.stringify(world.batches, (_, value: unknown) => (typeof value === 'bigint' ? 0 : value));
  assert(size.length < 40_000, 'nothing of any length is left');
});

test('what was derived from an older record is derived again', async () => {
  const world = setUp(leased(0), leased(1));
  let times = 0;
  world.meanwhile = () => {
    if (times++ > 0) return;
    const { record, version } = world.jobs.get(idOf(1))!;
    world.jobs.set(idOf(1), stored(after(record!, cancelled), version + 1));
  };
  await world.report([0, running('r')], [1, running('r')]);
  assert.equal(world.record(0).state, JobState.RUNNING);
  assert.equal(world.record(1).state, JobState.CANCELLED, 'nothing follows the end of a job');
  assert.equal(world.batches.length, 1);
});

test('a job that never holds still is reported again by its executor', async () => {
  const world = setUp(leased());
  world.meanwhile = () => {
    const { record, version } = world.jobs.get(idOf(0))!;
    world.jobs.set(idOf(0), stored(record!, version + 1));
  };
  await assert.rejects(world.report([0, running('r')]), { code: 'CONFLICT' });
});

test('a very long list of reports about one job set is taken in', async () => {
  const world = setUp(leased(0), leased(1));
  const one = { event: about(idOf(1), utilisation('r')), created: timestampOf(AT_MS) };
  const events = Array.from({ length: 150_000 }, () => one);
  events.unshift({ ...one, event: about(idOf(0), running('r')) });
  await reportEvents(world.deps, executor, [EventSequence.create({ events })]);
  assert.equal(kindsOf(world.batches[0]).length, 150_001);
});

test('only who may execute jobs reports', async () => {
  const world = setUp(leased());
  world.deps.authorizer = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
  await assert.rejects(world.report([0, running('r')]), { code: 'PERMISSION_DENIED' });
  assert.deepEqual(world.batches, []);
});

test('whoever may not be the executor of a run changes nothing of it, and a batch with one such is refused whole', async () => {
  const elsewhere = { ...lease('r2'), value: { ...lease('r2').value, executorId: 'other' } } as Payload;
  for (const isHeld of [false, true]) {
    const world = setUp(leased(0), after(submitted({ n: 1 }), elsewhere));
    if (isHeld) for (const n of [0, 1]) world.held.set(idOf(n), world.jobs.get(idOf(n))!);
    world.deps.authorizer = createAuthorizer({
      permissionScopeMapping: {},
      ...standaloneAuth,
      executors: [{ users: [executor.name], groups: [], executors: ['cluster'] }],
    });
    await assert.rejects(world.report([0, running('r')], [1, running('r2')]), { code: 'PERMISSION_DENIED' });
    assert.deepEqual(world.batches, []);
    // A report of a run that has gone there meanwhile is late, not forged.
    await world.report([0, running('r')], [1, running('r')]);
    assert.equal(world.record(0).state, JobState.RUNNING);
    assert.equal(world.record(1).state, JobState.LEASED);
  }
});

test('a job that the inboxes know is not read', async () => {
  const world = setUp(after(submitted(), lease('r')));
  world.held.set(idOf(0), world.jobs.get(idOf(0))!);
  await world.report([0, assigned('r')], [0, running('r')]);
  assert.deepEqual(world.reads, []);
  assert.equal(world.record(0).state, JobState.RUNNING);
  assert.equal(world.batches[0]?.sequences[0]?.events.length, 2);
});

test('what the inboxes know may be old: nothing is derived from it that the store has left behind', async () => {
  const leasedJob = after(submitted(), lease('r'));
  const world = setUp(after(leasedJob, assigned('r'), running('r')));
  world.jobs.set(idOf(0), stored(world.record(0), 5));
  world.held.set(idOf(0), stored(leasedJob, 1));
  await world.report([0, done('r')]);
  assert.deepEqual(world.reads, [idOf(0)]);
  const [run] = world.record(0).runs;
  assert.equal(run?.state, JobRunState.RUN_STATE_SUCCEEDED);
  assert.ok(run?.startedAtMs, 'what happened meanwhile is still there');
});

test('no report is dropped for what the inboxes know', async () => {
  const first = after(submitted(), lease('r'), erred('r', returned(false)));
  const world = setUp(after(first, requeued, lease('s')));
  world.held.set(idOf(0), stored(after(submitted(), lease('r')), 1));
  await world.report([0, assigned('s')]);
  assert.deepEqual(world.reads, [idOf(0)]);
  assert.equal(world.record(0).state, JobState.PENDING);
});
