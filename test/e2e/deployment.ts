// A deployment with everything in it that can be: queues of all kinds, jobs in
// every state, runs under way on an executor, a request about many jobs that
// nobody has carried out yet, a stream whose beginning is gone.
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { type JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import { CancelJobSet } from '@armada-ts/api/armadaevents/armadaevents';
import {
  cancelJobs,
  connect,
  type Connection,
  cordonExecutor,
  createQueue,
  deleteQueue,
  preemptJobs,
} from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import type { ConfigInput } from '@armada-ts/server/config';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import { openOperation } from '@armada-ts/server/submit/operation';
import { jobItem, type ItemOptions } from './items.ts';
import { type Cluster, startCluster } from './polling-cluster.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { eventsSoFar, eventsUntil, have } from './watching.ts';

/** Queue and job sets. */
export const QUEUE = 'a';
export const SET = { queue: QUEUE, jobSetId: 'mixed' };
export const OLD = { queue: QUEUE, jobSetId: 'old' };
/** Of a queue that has been deleted since. */
const GONE = { queue: 'gone', jobSetId: 'gone' };
export const WAITING = { queue: 'held', jobSetId: 'waiting' };
/** All of its jobs are to be cancelled. */
export const DOOMED = { queue: 'held', jobSetId: 'doomed' };
export const WAITING_JOBS = 250;
/** Where all jobs are to run but one. */
const LARGE = { room: 'large' };
export const DOOMED_JOBS = 30;

/** A deployment whose server is stopped. */
export interface Deployment {
  /** Its data directory. */
  data: string;
  /** Starts its server on a store, at the address at which it always was. */
  start(storeUrl: string): Promise<Standalone>;
  /** Always there; finds the server when there is one. */
  connection: Connection;
  /** An executor that outlives the server. */
  cluster: Cluster;
  /** Ids of jobs by what has become of them. */
  jobs: Readonly<Record<Fate, string>>;
}

type EarlyFate = 'old' | 'queued' | 'running';
type LateFate =
  | 'succeeded'
  | 'retried'
  | 'failed'
  | 'rejected'
  | 'cancelled'
  | 'preempted'
  | 'first of a gang'
  | 'second of a gang'
  | 'leased';
export type Fate = EarlyFate | LateFate;

export async function createDeployment(t: TestContext): Promise<Deployment> {
  const directory = await temporaryDirectory(t);
  const data = join(directory, 'server');
  let port = 0;
  const start = async (settings: Partial<ConfigInput>): Promise<Standalone> => {
    const scheduling = { rejectAfterMs: 0 };
    const server = await startServer(directory, {
      auth: standaloneAuth,
      scheduling,
      ...settings,
      grpc: { port },
    });
    t.after(() => server.kill('SIGKILL'));
    port = Number(server.address.split(':').at(-1));
    return server;
  };
  let server = await start({});
  const connection = connect({ address: server.address });
  // A job is not tried again on the node that gave it back: the second is for that.
  const nodes = [
    { name: 'n1', cpu: '64', labels: LARGE },
    { name: 'n2', cpu: '1' },
  ];
  const cluster = startCluster(server.address, 'east', nodes);
  t.after(async () => {
    connection.close();
    await cluster.close();
  });
  await createQueues(connection);
  const early = await earlyJobs(connection, cluster);
  await deleteQueue(connection, GONE.queue);
  await server.kill('SIGTERM');

  // A server that keeps events for a second only removes what there is as it starts.
  await sleep(1100);
  server = await start({ retention: { eventsMs: 1000 } });
  await eventsGone(connection, early.old);
  await server.kill('SIGTERM');

  server = await start({});
  const jobs = { ...early, ...(await mixedJobs(connection, cluster)) };
  await cordonExecutor(connection, 'west', 'new disks');
  await server.kill('SIGTERM');
  await openCancellation(data);
  return { data, start: (url) => start({ store: { url } }), connection, cluster, jobs };
}

async function createQueues(connection: Connection): Promise<void> {
  const subjects = [{ kind: 'User', name: 'ann' }];
  await createQueue(connection, {
    name: QUEUE,
    priorityFactor: 2,
    permissions: [{ subjects, verbs: ['submit', 'watch'] }],
    labels: new Map([['team', 'red']]),
  });
  await createQueue(connection, { name: 'held' });
  await createQueue(connection, { name: 'gone' });
}

/** Submits one job; its id. */
export async function submitJob(
  connection: Connection,
  set: { queue: string; jobSetId: string },
  options: ItemOptions,
): Promise<string> {
  const [jobId = ''] = await submitItems(connection, set, [
    jobItem({ cpu: '1', nodeSelector: LARGE, ...options }),
  ]);
  return jobId;
}

export async function submitItems(
  connection: Connection,
  set: { queue: string; jobSetId: string },
  jobRequestItems: JobSubmitRequestItem[],
): Promise<string[]> {
  const { jobResponseItems } = await connection.call(SubmitService.submitJobs, { ...set, jobRequestItems });
  return jobResponseItems.map(({ jobId }) => jobId);
}

/** Runs a job from its lease to its end, or a run that has begun on to it. */
export async function finish(
  connection: Connection,
  cluster: Cluster,
  ...[set, jobId, isRunning = false]: [
    set: { queue: string; jobSetId: string },
    jobId: string,
    isRunning?: boolean,
  ]
): Promise<void> {
  const lease = await cluster.leaseOf(jobId);
  const told = isRunning
    ? await cluster.report(lease, 'succeeded')
    : await cluster.report(lease, 'assigned', 'running', 'succeeded');
  assert.equal(told, status.OK);
  cluster.shown.delete(lease.jobRunId);
  await eventsUntil(connection, set, have('succeeded', [jobId]));
}

/** Jobs of before what there is was trimmed: one that has ended, and two that keep what came after their submit. */
async function earlyJobs(connection: Connection, cluster: Cluster): Promise<Record<EarlyFate, string>> {
  const running = await submitJob(connection, SET, {
    clientId: 'running',
    annotations: { 'armadaproject.io/externalJobUri': 'https://example.com/1' },
  });
  await cluster.report(await cluster.leaseOf(running), 'assigned', 'running');
  const old = await submitJob(connection, OLD, { clientId: 'old' });
  await finish(connection, cluster, OLD, old);
  // Beside the one that runs there is no room for it.
  const queued = await submitJob(connection, OLD, { clientId: 'queued', cpu: '64' });
  const gone = await submitJob(connection, GONE, { clientId: 'gone' });
  await finish(connection, cluster, GONE, gone);
  return { old, queued, running };
}

/** Waits until nothing is left of a job but its record. */
async function eventsGone(connection: Connection, jobId: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const events = await eventsSoFar(connection, OLD);
    if (events.every(({ body }) => body.value.jobId !== jobId)) return;
    await sleep(50);
  }
  assert.fail('old events stay');
}

/** One job for each thing that may become of one. */
async function mixedJobs(connection: Connection, cluster: Cluster): Promise<Record<LateFate, string>> {
  const submit = (clientId: string, options: ItemOptions = {}): Promise<string> =>
    submitJob(connection, SET, { clientId, ...options });
  const gang = { 'armadaproject.io/gangId': 'g', 'armadaproject.io/gangCardinality': '2' };
  const waiting = Array.from({ length: WAITING_JOBS }, (_, i) =>
    jobItem({ clientId: `w${i}`, cpu: '63', nodeSelector: LARGE }),
  );
  const members = ['first', 'second'].map((clientId) =>
    jobItem({ clientId, annotations: gang, nodeSelector: LARGE }),
  );
  const [first = '', second = ''] = await submitItems(connection, SET, members);
  const jobs = {
    'first of a gang': first,
    'second of a gang': second,
    succeeded: await submit('succeeded'),
    retried: await submit('retried', { nodeSelector: {} }),
    failed: await submit('failed', { annotations: { 'armadaproject.io/failFast': 'true' } }),
    rejected: await submit('rejected', { cpu: '1000' }),
    cancelled: await submit('cancelled', { priority: 7 }),
    preempted: await submit('preempted', { priorityClass: 'armada-preemptible' }),
    leased: await submit('leased'),
  };
  await finish(connection, cluster, SET, jobs.succeeded);
  await giveBack(connection, cluster, jobs.retried);
  await eventsUntil(connection, SET, have('leaseReturned', [jobs.retried]));
  await untilLeasedAgain(cluster, jobs.retried);
  await finish(connection, cluster, SET, jobs.retried);
  await giveBack(connection, cluster, jobs.failed);
  await cancelJobs(connection, { jobIds: [jobs.cancelled], reason: 'no' });
  await cluster.leaseOf(jobs.preempted);
  await preemptJobs(connection, { ...SET, jobIds: [jobs.preempted], reason: 'no' });
  for (const jobId of [first, second]) {
    await cluster.report(await cluster.leaseOf(jobId), 'assigned', 'running');
  }
  await cluster.leaseOf(jobs.leased);
  for (const [kind, jobId] of [
    ['failed', jobs.failed],
    ['failed', jobs.rejected],
    ['cancelled', jobs.cancelled],
    ['preempted', jobs.preempted],
    ['running', second],
  ] as const) {
    await eventsUntil(connection, SET, have(kind, [jobId]));
  }
  // The executor has ended the runs that it was told to end.
  for (const jobId of [jobs.cancelled, jobs.preempted]) {
    cluster.shown.delete(cluster.leases.get(jobId)?.jobRunId ?? '');
  }
  // They have no room beside what runs.
  await submitItems(connection, WAITING, waiting);
  await submitItems(
    connection,
    DOOMED,
    waiting.slice(0, DOOMED_JOBS).map((item, i) => ({ ...item, clientId: `d${i}` })),
  );
  return jobs;
}

async function giveBack(connection: Connection, cluster: Cluster, jobId: string): Promise<void> {
  const lease = await cluster.leaseOf(jobId);
  await cluster.report(lease, 'assigned', { returned: 'no room', runAttempted: true });
  cluster.shown.delete(lease.jobRunId);
  await eventsUntil(connection, SET, have('leaseReturned', [jobId]));
}

async function untilLeasedAgain(cluster: Cluster, jobId: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const lease = cluster.leases.get(jobId);
    if (lease && cluster.shown.has(lease.jobRunId)) return;
    await sleep(50);
  }
  assert.fail(`job ${jobId} was not leased again`);
}

/** What a server writes that is asked to cancel a job set and dies before it has begun. */
async function openCancellation(data: string): Promise<void> {
  const tools = { clock: systemClock, logger: silentLogger };
  const store = await openSqliteStore({ directory: data, acknowledgement: 'synced', ...tools });
  try {
    const { queue, jobSetId: jobSet } = DOOMED;
    const principal = { name: 'ann', groups: [], scopes: [], scheme: 'anonymous' };
    const value = CancelJobSet.fromPartial({ reason: 'all of it' });
    const request = { $case: 'cancelJobSet' as const, value };
    const deps = { store, clock: systemClock, random: randomBytes };
    await openOperation(deps, principal, { queue, jobSet }, request);
    const counted = await store.read.jobSet(queue, jobSet);
    assert.equal(counted?.queued, DOOMED_JOBS);
  } finally {
    await store.close();
  }
}
