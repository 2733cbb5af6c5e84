// What operators do to queues, executors and nodes, seen by who watches the jobs
// and by the executors that run them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { JobState } from '@armada-ts/api/api/job';
import { SubmitService } from '@armada-ts/api/api/submit';
import {
  cancelOnExecutor,
  cancelOnNode,
  cancelOnQueue,
  connect,
  type Connection,
  cordonExecutor,
  createQueue,
  deleteExecutor,
  deleteExecutorSettings,
  preemptJobs,
  preemptOnExecutor,
  preemptOnNode,
  preemptOnQueue,
  uncordonExecutor,
} from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { replayStopped } from '../replay-stopped.ts';
import { type ItemOptions, jobItem } from './items.ts';
import { type Cluster, startCluster } from './polling-cluster.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { eventsSoFar, eventsUntil, have } from './watching.ts';

const YIELDING = { priorityClass: 'armada-preemptible' };
const QUEUES = ['q1', 'q2'];

let server: Standalone;
let connection: Connection;
const directory = await temporaryDirectory({ after });

before(async () => {
  server = await startServer(directory, { auth: standaloneAuth });
  connection = connect({ address: server.address });
  for (const name of QUEUES) await createQueue(connection, { name });
});

after(async () => {
  connection.close();
  await server.kill('SIGKILL');
});

/** A cluster of a test, whose nodes nobody else's jobs run on. */
async function cluster(
  t: { after(fn: () => Promise<void>): void },
  id: string,
  ...names: string[]
): Promise<Cluster> {
  const nodes = names.map((name) => ({ name, cpu: '2', labels: { cluster: id } }));
  const started = startCluster(server.address, id, nodes);
  t.after(() => started.close());
  await started.nextExchanges(1);
  return started;
}

/** Submits a job to a queue, in the job set of the cluster that it is for. */
async function submit(clusterId: string, queue: string, options: ItemOptions = {}): Promise<string> {
  const item = jobItem({ nodeSelector: { cluster: clusterId }, cpu: '2', ...options });
  const request = { queue, jobSetId: clusterId, jobRequestItems: [item] };
  const { jobResponseItems } = await connection.call(SubmitService.submitJobs, request);
  return jobResponseItems[0]?.jobId ?? '';
}

async function kindsOf(clusterId: string, queue: string, jobId: string): Promise<string[]> {
  const events = await eventsSoFar(connection, { queue, jobSetId: clusterId });
  return events.filter(({ body }) => body.value.jobId === jobId).map(({ body }) => body.$case);
}

async function stopped(of: Cluster, jobId: string): Promise<void> {
  const { jobRunId } = await of.leaseOf(jobId);
  const exchanges = await of.nextExchanges(2);
  const told = [...of.exchanges, ...exchanges].flatMap(({ cancelled }) => cancelled);
  assert.ok(told.includes(jobRunId), `${of.id} was not told to stop the run of ${jobId}`);
}

/** The cluster has ended the run. */
function letGo(of: Cluster, jobId: string): void {
  of.shown.delete(of.leases.get(jobId)?.jobRunId ?? '');
}

test('a preempted job ends, says who asked and why, and holds its room until its run is gone', async (t) => {
  const east = await cluster(t, 'preempt-job', 'n0');
  const [queue, jobSetId] = ['q1', east.id];
  const job = await submit(east.id, queue, YIELDING);
  const lease = await east.leaseOf(job);
  await east.report(lease, 'assigned', 'running');
  const next = await submit(east.id, queue, YIELDING);
  const refused = await preemptJobs(connection, { queue, jobSetId, jobIds: [job, next], reason: 'room' });
  assert.deepEqual([...refused], [[next, `job ${next} has no run that could be preempted`]]);

  const events = await eventsUntil(connection, { queue, jobSetId }, have('failed', [job]));
  assert.deepEqual(
    events.filter(({ body }) => body.value.jobId === job).map(({ body }) => body.$case),
    ['submitted', 'queued', 'leased', 'pending', 'running', 'preempting', 'preempted', 'failed'],
  );
  const told = new Map(events.map(({ body }) => [body.$case, body.value]));
  assert.partialDeepStrictEqual(told.get('preempting'), { requestor: 'anonymous', reason: 'room' });
  const reason = 'Preempted by anonymous - room';
  assert.partialDeepStrictEqual(told.get('preempted'), {
    runId: lease.jobRunId,
    requestor: 'anonymous',
    reason,
  });
  assert.partialDeepStrictEqual(told.get('failed'), { reason });

  await stopped(east, job);
  assert.ok(!(await kindsOf(east.id, queue, next)).includes('leased'), 'the run is still there');
  letGo(east, job);
  await east.leaseOf(next);
});

test('a cordoned executor gets nothing new, keeps what it has, and may be cordoned before it comes', async (t) => {
  const id = 'cordoned';
  await cordonExecutor(connection, id, 'new and untested');
  const east = await cluster(t, id, 'n0', 'n1');
  const first = await submit(id, 'q1');
  await east.nextExchanges(3);
  assert.equal(east.leases.size, 0);
  await uncordonExecutor(connection, id);
  await east.leaseOf(first);
  await cordonExecutor(connection, id, 'smoke');
  const second = await submit(id, 'q1');
  const exchanges = await east.nextExchanges(3);
  assert.deepEqual(
    exchanges.flatMap(({ kinds }) => kinds),
    ['end', 'end', 'end'],
    'nothing new, nothing stopped',
  );
  await deleteExecutorSettings(connection, id);
  await east.leaseOf(second);
});

test('cancelling and preempting on executors and nodes means the runs there, of the queues named', async (t) => {
  for (const [what, kind, onExecutor, onNode] of [
    ['cancel', 'cancelled', cancelOnExecutor, cancelOnNode],
    ['preempt', 'preempted', preemptOnExecutor, preemptOnNode],
  ] as const) {
    const east = await cluster(t, `${what}-on-executor`, 'n0', 'n1', 'n2');
    const [one, two] = [await submit(east.id, 'q1', YIELDING), await submit(east.id, 'q2', YIELDING)];
    const firm = await submit(east.id, 'q1');
    for (const job of [one, two, firm]) await east.leaseOf(job);
    const waiting = await submit(east.id, 'q1', YIELDING);
    await onExecutor(connection, { name: east.id, queues: [] });
    await onExecutor(connection, { name: 'elsewhere', queues: QUEUES });
    await onExecutor(connection, { name: east.id, queues: ['q1'] });
    await eventsUntil(connection, { queue: 'q1', jobSetId: east.id }, have(kind, [one]));
    await stopped(east, one);
    letGo(east, one);
    await east.leaseOf(waiting);
    assert.equal((await kindsOf(east.id, 'q1', firm)).includes(kind), what === 'cancel', 'not preemptible');
    assert.deepEqual(
      await kindsOf(east.id, 'q2', two),
      ['submitted', 'queued', 'leased'],
      'of another queue',
    );

    const { node } = east.shown.get((await east.leaseOf(two)).jobRunId) ?? { node: '' };
    await onNode(connection, { name: node, executor: 'elsewhere', queues: QUEUES });
    await onNode(connection, { name: node, executor: east.id, queues: QUEUES });
    const events = await eventsUntil(connection, { queue: 'q2', jobSetId: east.id }, have(kind, [two]));
    const end = events.find(({ body }) => body.$case === kind);
    const where = `on node ${node} of executor ${east.id}`;
    const reason = what === 'cancel' ? `Cancelled ${where}` : `Preempted by anonymous - ${where}`;
    assert.partialDeepStrictEqual(end?.body.value, { requestor: 'anonymous', reason });
    assert.ok(!(await kindsOf(east.id, 'q1', waiting)).includes(kind), 'on another node');
  }
});

test('cancelling and preempting on a queue means its jobs in all job sets', async (t) => {
  const [east, west] = [await cluster(t, 'queue-east', 'n0'), await cluster(t, 'queue-west', 'n0')];
  for (const name of ['emptied', 'spared']) await createQueue(connection, { name });
  const jobs = [await submit(east.id, 'emptied', YIELDING), await submit(west.id, 'emptied')];
  await east.leaseOf(jobs[0]!);
  await west.leaseOf(jobs[1]!);
  const queued = await submit(east.id, 'emptied');
  const spared = await submit(east.id, 'spared');
  await preemptOnQueue(connection, { name: 'emptied' });
  await eventsUntil(connection, { queue: 'emptied', jobSetId: east.id }, have('preempted', [jobs[0]!]));
  assert.deepEqual(await kindsOf(west.id, 'emptied', jobs[1]!), ['submitted', 'queued', 'leased']);
  await cancelOnQueue(connection, { name: 'emptied', states: [] });
  await cancelOnQueue(connection, { name: 'emptied', states: [JobState.QUEUED], pools: ['default'] });
  await cancelOnQueue(connection, { name: 'emptied', states: [JobState.LEASED, JobState.RUNNING] });
  await eventsUntil(connection, { queue: 'emptied', jobSetId: west.id }, have('cancelled', [jobs[1]!]));
  assert.deepEqual(await kindsOf(east.id, 'emptied', queued), ['submitted', 'queued'], 'no pool is its pool');
  await cancelOnQueue(connection, { name: 'emptied', states: [JobState.QUEUED] });
  await eventsUntil(connection, { queue: 'emptied', jobSetId: east.id }, have('cancelled', [queued]));
  assert.deepEqual(await kindsOf(east.id, 'spared', spared), ['submitted', 'queued']);
});

test('the runs of a deleted executor are given up; one that is alive stops them and starts anew', async (t) => {
  const east = await cluster(t, 'deleted', 'n0');
  const job = await submit(east.id, 'q1');
  const first = await east.leaseOf(job);
  await east.report(first, 'assigned', 'running');
  await deleteExecutor(connection, east.id);
  await eventsUntil(connection, { queue: 'q1', jobSetId: east.id }, have('leaseExpired', [job]));
  await stopped(east, job);
  assert.equal(east.leases.get(job)?.jobRunId, first.jobRunId, 'the old run is still in the way');
  letGo(east, job);
  await eventsUntil(connection, { queue: 'q1', jobSetId: east.id }, (events) => {
    const kinds = events.filter(({ body }) => body.value.jobId === job).map(({ body }) => body.$case);
    return kinds.filter((kind) => kind === 'leased').length === 2;
  });
  await east.nextExchanges(2);
  const second = await east.leaseOf(job);
  assert.notEqual(second.jobRunId, first.jobRunId);
  await east.report(second, 'assigned', 'running', 'succeeded');
  await eventsUntil(connection, { queue: 'q1', jobSetId: east.id }, have('succeeded', [job]));
});

test('what the store holds after all this is what its events make', async () => {
  connection.close();
  assert.equal(await server.kill('SIGTERM'), 0, server.lines.join('\n'));
  const { faults, records } = await replayStopped(`sqlite:${join(directory, 'server')}`);
  assert.deepEqual(faults, []);
  assert.ok(records.size > 15);
});
