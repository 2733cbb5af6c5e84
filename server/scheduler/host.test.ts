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
import { ArmadaError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { jobId, requestPrefix, slotOfQueue } from '../model/ids.ts';
import { timestampOf } from '../model/instant.ts';
import { applyEvent, submittedJob } from '../model/job.ts';
import { createMembers, type Membership } from '../peers/members.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { schedulerSchema } from './config.ts';
import { classOf, node } from './testing/world.ts';
import { type Role, type SchedulerHost, startScheduler } from './host.ts';

async function openStore(directory: string): Promise<Store> {
  return await openSqliteStore({
    directory,
    acknowledgement: 'local',
    clock: systemClock,
    logger: silentLogger,
  });
}

/** A server that knows of others what they say through the store. */
interface TestServer extends AsyncDisposable {
  host: SchedulerHost;
  members: Membership;
  becomes(role: Role): Promise<void>;
}

const PRIORITY_CLASSES = { '': { priority: 1000, preemptible: false } };

/** A host needs the membership itself: scheduling must not import it, tests may. */
function start(store: Store, id = 'a'): TestServer {
  const tools = { clock: systemClock, logger: silentLogger };
  const self = { id, name: id, version: '1', startedAtMs: 0 };
  const members = createMembers({ store, self, ...tools });
  const host = startScheduler({
    store,
    election: members,
    config: schedulerSchema.parse({ rejectAfterMs: 0 }),
    priorityClasses: PRIORITY_CLASSES,
    ...tools,
  });
  members.join(`${id}:1`);
  return {
    host,
    members,
    async becomes(role) {
      while (host.role() !== role) {
        await new Promise<void>((resolve) => {
          const stop = host.subscribe(() => {
            stop();
            resolve();
          });
        });
      }
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      await members.leave();
    },
  };
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

/** A store with a queue `q`. */
async function createStore(cleanup: AsyncDisposableStack): Promise<Store> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-scheduler-'));
  cleanup.defer(() => rm(directory, { recursive: true }));
  const store = cleanup.adopt(await openStore(directory), (open) => open.close());
  const record = Buffer.from(Queue.encode(Queue.create({ name: 'q', priorityFactor: 1 })).finish());
  await store.control({ kind: Control_Kind.KIND_QUEUE, name: 'q', record });
  return store;
}

test('one server leads and decides in its thread, the other follows and leads when it stops', async () => {
  await using cleanup = new AsyncDisposableStack();
  const store = await createStore(cleanup);
  const early = await submit(store);

  const first = start(store, 'a');
  await first.becomes('leading');
  show(first.host);
  await waitFor(store, early, JobState.LEASED);
  await using second = start(store, 'b');
  await second.becomes('following');
  const late = await submit(store);
  const leased = await waitFor(store, late, JobState.LEASED);
  assert.equal(leased.runs[0]?.node, 'n1');
  const hopeless = await submit(store, 64);
  await waitFor(store, hopeless, JobState.REJECTED);
  assert.equal((await store.read.executors())[0]?.id, 'east');
  assert.deepEqual([first.host.role(), second.host.role()], ['leading', 'following']);

  const before = first.host.term();
  await first[Symbol.asyncDispose]();
  await second.becomes('leading');
  assert.ok(Number(second.host.term()) > Number(before));
  const third = await submit(store);
  show(second.host);
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
});

test('a leader that was sealed decides nothing more before it has a later term', async () => {
  await using cleanup = new AsyncDisposableStack();
  const store = await createStore(cleanup);
  // It does not hear who leads, as if it had stood still.
  const isDeaf = { now: false };
  const deaf: Store = {
    ...store,
    servers: {
      ...store.servers,
      async meet(self) {
        if (isDeaf.now) throw new ArmadaError('UNAVAILABLE', 'nothing is heard');
        return await store.servers.meet(self);
      },
    },
  };
  await using server = start(deaf);
  await server.becomes('leading');
  const term = server.host.term() ?? 0;
  show(server.host);
  await waitFor(store, await submit(store), JobState.LEASED);
  isDeaf.now = true;
  await store.lead({ serverId: 'another', after: term });
  const id = await submit(store);
  await server.becomes('loading');
  assert.equal((await recordOf(store, id)).state, JobState.QUEUED);
  isDeaf.now = false;
  await server.becomes('leading');
  assert.ok((server.host.term() ?? 0) > term + 1);
  show(server.host);
  await waitFor(store, id, JobState.LEASED);
});

test('nothing is loaded anew while the fate of a decision is not known', async () => {
  await using cleanup = new AsyncDisposableStack();
  const store = await createStore(cleanup);
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
  const server = cleanup.use(start(slow));
  cleanup.defer(() => isLetThrough.resolve());
  const { host } = server;
  await server.becomes('leading');
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
  await server.becomes('leading');
  show(host);
  await waitFor(store, await submit(store), JobState.LEASED);
});
