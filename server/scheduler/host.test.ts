/** The scheduler in its thread, over a real store. */
import { Queue } from '@armada-ts/api/api/queue';
import { JobState } from '@armada-ts/api/api/job';
import { Control_Kind, type JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { jobId, requestPrefix, slotOfQueue } from '../model/ids.ts';
import { timestampOf } from '../model/instant.ts';
import { applyEvent, submittedJob } from '../model/job.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { schedulerSchema } from './config.ts';
import { classOf, node } from './testing/world.ts';
import { type SchedulerHost, startScheduler } from './host.ts';

async function openStore(directory: string): Promise<Store> {
  return await openSqliteStore({
    directory,
    acknowledgement: 'local',
    clock: systemClock,
    logger: silentLogger,
  });
}

function start(store: Store): Promise<SchedulerHost> {
  return startScheduler({
    store,
    config: schedulerSchema.parse({ rejectAfterMs: 0 }),
    priorityClasses: { '': { priority: 1000, preemptible: false } },
    clock: systemClock,
    logger: silentLogger,
  });
}

async function submit(store: Store, cpu = 1): Promise<string> {
  const createdMs = Date.now();
  const id = jobId(requestPrefix(createdMs, crypto.getRandomValues(new Uint8Array(8))), 0, slotOfQueue('q'));
  const sender = { queue: 'q', jobSetName: 'set', userId: 'alice', groups: [] };
  const source = classOf({ cpu });
  const job = SubmitJob.create({ jobId: id });
  const record = submittedJob({ sender, job, createdMs, schedulingClass: source.id, gang: undefined });
  const event = { $case: 'submitJob' as const, value: SubmitJob.create({ jobId: id }) };
  const result = await store.append({
    queue: 'q',
    sequences: [{ ...sender, events: [{ event, created: timestampOf(createdMs) }] }],
    submitted: [{ record, spec: Buffer.from(SubmitJob.encode(job).finish()), claimHash: Buffer.alloc(0) }],
    changed: [],
    classes: [source],
    opened: [],
    closed: [],
  });
  assert.equal(result.outcome, 'applied');
  return id;
}

async function recordOf(store: Store, id: string): Promise<JobRecord> {
  const [stored] = await store.read.jobs([id]);
  assert.ok(stored?.record);
  return stored.record;
}

async function waitFor(store: Store, id: string, state: JobState): Promise<JobRecord> {
  for (let tries = 0; tries < 200; tries++) {
    const record = await recordOf(store, id);
    if (record.state === state) return record;
    await sleep(10);
  }
  assert.fail(`job ${id} is ${(await recordOf(store, id)).state}, not ${state}`);
}

function show(host: SchedulerHost): void {
  const request = LeaseRequest.create({ executorId: 'east', pool: 'default', nodes: [node('n1')] });
  host.executorSeen({
    executorId: 'east',
    encoded: () => LeaseRequest.encode(request).finish(),
    isRepeated: false,
  });
}

test('startScheduler() leads, decides in its thread, and a next leader takes over', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-scheduler-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(directory, { recursive: true }));
  const store = cleanup.adopt(await openStore(directory), (open) => open.close());
  const record = Buffer.from(Queue.encode(Queue.create({ name: 'q', priorityFactor: 1 })).finish());
  await store.control({ kind: Control_Kind.KIND_QUEUE, name: 'q', record });
  const early = await submit(store);

  const first = await start(store);
  show(first);
  await waitFor(store, early, JobState.LEASED);
  const late = await submit(store);
  const leased = await waitFor(store, late, JobState.LEASED);
  assert.equal(leased.runs[0]?.node, 'n1');
  const hopeless = await submit(store, 64);
  await waitFor(store, hopeless, JobState.REJECTED);
  assert.equal((await store.read.executors())[0]?.id, 'east');

  const second = await start(store);
  assert.ok(second.term > first.term);
  // The first finds out when it tries to decide something; only it has an executor yet.
  const third = await submit(store);
  await assert.rejects(first.failed, /another server has taken the lead/);
  show(second);
  await waitFor(store, third, JobState.LEASED);

  const [stored] = await store.read.jobs([late]);
  const cancelled = {
    event: { $case: 'cancelJob' as const, value: { jobId: late, reason: 'enough' } },
    created: timestampOf(Date.now()),
  };
  const after = applyEvent(stored!.record!, cancelled, 'bob');
  await store.append({
    queue: 'q',
    sequences: [{ queue: 'q', jobSetName: 'set', userId: 'bob', groups: [], events: [cancelled] }],
    submitted: [],
    changed: [{ record: after, expectedVersion: stored!.version }],
    classes: [],
    opened: [],
    closed: [],
  });
  await waitFor(store, late, JobState.CANCELLED);
  await Promise.all([first.close(), second.close()]);
});

test('nothing is loaded anew while the fate of a decision is not known', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-scheduler-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(directory, { recursive: true }));
  const store = cleanup.adopt(await openStore(directory), (open) => open.close());
  const record = Buffer.from(Queue.encode(Queue.create({ name: 'q', priorityFactor: 1 })).finish());
  await store.control({ kind: Control_Kind.KIND_QUEUE, name: 'q', record });

  const isDecided = Promise.withResolvers<void>();
  const isLetThrough = Promise.withResolvers<void>();
  let loads = 0;
  let fallOff = (): void => {};
  const slow: Store = {
    ...store,
    read: { ...store.read, active: (cursor) => store.read.active(cursor).finally(() => loads++) },
    async append(batch) {
      isDecided.resolve();
      await isLetThrough.promise;
      return await store.append(batch);
    },
    async *tail(from, signal) {
      const following = new AbortController();
      fallOff = () => following.abort();
      yield* store.tail(from, AbortSignal.any([signal, following.signal]));
      if (!signal.aborted) yield { kind: 'fell-off' };
    },
  };
  const host = await start(slow);
  cleanup.defer(() => {
    isLetThrough.resolve();
    return host.close();
  });
  show(host);
  const id = await submit(store);
  await isDecided.promise;
  fallOff();
  await sleep(100);
  assert.equal(loads, 1);
  isLetThrough.resolve();
  const { runs } = await waitFor(store, id, JobState.LEASED);
  assert.equal(runs.length, 1);
  while (loads === 1) await sleep(5);
  // It goes on from there.
  show(host);
  await waitFor(store, await submit(store), JobState.LEASED);
});
