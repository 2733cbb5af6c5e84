/**
 * Whether a store is whole: its records, specs, claims, runs, counters, streams
 * and log tell one story. True after any batches that builders.ts made, however
 * the server died in between.
 */
import { JobState } from '@armada-ts/api/api/job';
import type { JobState as JobStateValue } from '@armada-ts/api/api/job';
import type { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import type { JobSetInfo, LogEntry, Store, StoredJob } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { allActive, idsOf } from './compare.ts';

const STATE_AFTER: Partial<Record<NonNullable<EventSequence_Event['event']>['$case'], JobStateValue>> = {
  submitJob: JobState.QUEUED,
  jobRunLeased: JobState.LEASED,
  jobRunRunning: JobState.RUNNING,
  jobRequeued: JobState.QUEUED,
  jobSucceeded: JobState.SUCCEEDED,
};

/** Fails with what does not fit. For stores from which nothing was trimmed. */
export async function assertWhole(store: Store): Promise<void> {
  const entries = await wholeLog(store);
  const live: string[] = [];
  for (const [queue, ofQueue] of Map.groupBy(entries, (entry) => entry.queue)) {
    const jobSets = new Set(ofQueue.flatMap((entry) => entry.sequences.map(({ jobSet }) => jobSet)));
    for (const jobSet of jobSets) {
      const info = await store.read.jobSet(queue, jobSet);
      assert(info, `job set ${jobSet} of ${queue} has events and is not there`);
      live.push(...(await assertJobSet(store, info)));
    }
  }
  const active = await allActive(store);
  assert.deepEqual(idsOf(active.jobs).toSorted(), live.toSorted());
  const classes = new Set(active.classes.map(({ id }) => id));
  for (const { record } of active.jobs) assert(classes.has(record?.schedulingClass ?? ''));
}

/** Every entry of the log; the numbers of each partition are 1, 2, 3 up to its head. */
async function wholeLog(store: Store): Promise<LogEntry[]> {
  const heads = await store.heads();
  const positions = heads.map(() => 0);
  const entries: LogEntry[] = [];
  const total = heads.reduce((sum, head) => sum + head, 0);
  if (total === 0) return [];
  for await (const item of store.tail(positions, AbortSignal.timeout(30_000))) {
    assert(item.kind === 'entries');
    for (const entry of item.entries) {
      const next = (positions[entry.partition] ?? 0) + 1;
      assert.equal(entry.number, next, `entry of partition ${entry.partition}`);
      positions[entry.partition] = next;
      entries.push(entry);
    }
    if (entries.length >= total) break;
  }
  assert.deepEqual(positions, [...heads]);
  return entries;
}

/** Checks one job set; returns the ids of its live jobs. */
async function assertJobSet(store: Store, info: JobSetInfo): Promise<string[]> {
  const { queue, jobSet } = info;
  const stream = await store.read.stream(queue, jobSet, 0, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(
    stream.map(({ number }) => number),
    Array.from({ length: info.lastNumber }, (_, i) => i + 1),
  );
  const states = new Map<string, JobStateValue>();
  for (const { event } of stream.flatMap(({ events }) => events?.events ?? [])) {
    assert(event && 'jobId' in event.value, 'an event without a job');
    const state = STATE_AFTER[event.$case];
    assert(state !== undefined, `unexpected event ${event.$case}`);
    states.set(event.value.jobId, state);
  }
  const jobs = await store.read.jobs([...states.keys()]);
  assert.deepEqual(idsOf(jobs), [...states.keys()], 'every submitted job has a record');
  for (const { record } of jobs) assert.equal(record?.state, states.get(record?.jobId ?? ''), record?.jobId);
  await assertParts(store, queue, jobs);

  const live = jobs.filter(({ record }) => record?.endedAtMs === undefined);
  const queued = live.filter(({ record }) => record?.state === JobState.QUEUED);
  assert.deepEqual(
    { queued: info.queued, leased: info.leased },
    { queued: queued.length, leased: live.length - queued.length },
  );
  const ids = idsOf(live);
  assert.deepEqual(await store.read.liveJobIds(queue, jobSet, '', ids.length + 1), ids.toSorted());
  return ids;
}

/** Specs, claims and runs of records. */
async function assertParts(store: Store, queue: string, jobs: readonly StoredJob[]): Promise<void> {
  const specs = await store.read.specs(idsOf(jobs));
  for (const id of idsOf(jobs)) assert.equal(specs.get(id)?.jobId, id);
  const records = jobs.flatMap(({ record }) => (record ? [record] : []));
  const named = records.filter(({ clientId }) => clientId !== '');
  const claims = await store.read.claims(
    queue,
    named.map(({ clientId }) => clientId),
  );
  assert.deepEqual(
    claims.map(({ jobId }) => jobId),
    named.map(({ jobId }) => jobId),
  );
  const runs = records.flatMap((record) => record.runs.map(({ runId }) => [runId, record.jobId] as const));
  const ofRuns = await store.read.jobsOfRuns(runs.map(([runId]) => runId));
  for (const [runId, jobId] of runs) assert.equal(ofRuns.get(runId)?.record?.jobId, jobId);
}
