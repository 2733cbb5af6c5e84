// The lease protocol as executors of the Go kind speak it: exchanges, reports,
// cancels, runs given back.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test, type TestContext } from 'node:test';
import { JobState } from '@armada-ts/api/api/job';
import { type JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import { cancelJobs, connect, type Connection, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { status } from '@grpc/grpc-js';
import { jobItem } from './items.ts';
import { type Cluster, type ClusterNode, nodeOf, startCluster } from './polling-cluster.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { eventsSoFar, eventsUntil, have } from './watching.ts';

let server: Standalone;
let connection: Connection;
const directory = await temporaryDirectory({ after });

before(async () => {
  server = await startServer(directory, { auth: standaloneAuth, scheduling: { rejectAfterMs: 0 } });
  connection = connect({ address: server.address });
  await createQueue(connection, { name: 'demo' });
});

after(async () => {
  connection.close();
  assert.equal(await server.kill('SIGTERM'), 0);
});

const setOf = (t: TestContext) => ({ queue: 'demo', jobSetId: nameOf(t) });

/** Of the test, fit for a label. */
const nameOf = (t: TestContext): string => t.name.replaceAll(/\W+/g, '-').slice(0, 60);

/** A cluster of this test alone: its nodes carry a label that its jobs ask for. */
async function cluster(t: TestContext, nodes: readonly ClusterNode[], id = 'cluster'): Promise<Cluster> {
  const own = nameOf(t);
  const labelled = nodes.map((node) => ({ ...node, labels: { ...node.labels, test: own } }));
  const started = startCluster(server.address, `${id}-of-${own}`, labelled);
  t.after(() => started.close());
  await started.nextExchanges(1);
  return started;
}

/** Submits jobs that only the clusters of this test can run, in its own job set. */
async function submit(t: TestContext, ...items: JobSubmitRequestItem[]): Promise<string[]> {
  for (const { podSpecs } of items) podSpecs[0]?.nodeSelector.set('test', nameOf(t));
  const request = { ...setOf(t), jobRequestItems: items };
  const { jobResponseItems } = await connection.call(SubmitService.submitJobs, request);
  return jobResponseItems.map(({ jobId }) => jobId);
}

async function submitOne(t: TestContext, item = jobItem({})): Promise<string> {
  const [jobId] = await submit(t, item);
  assert.ok(jobId);
  return jobId;
}

/** Kinds of the events that a job has had. */
async function kindsOf(t: TestContext, jobId: string): Promise<string[]> {
  const events = await eventsSoFar(connection, setOf(t));
  return events.filter(({ body }) => body.value.jobId === jobId).map(({ body }) => body.$case);
}

test('an exchange answers as many leases as are asked for, until their runs are shown', async (t) => {
  const east = await cluster(t, [{ name: 'n0', cpu: '8' }]);
  east.keepsLeases = false;
  east.maxJobsToLease = 0;
  await submit(t, jobItem({}), jobItem({}), jobItem({}));
  await eventsUntil(connection, setOf(t), have('leased', 3));
  for (const { kinds, code } of await east.nextExchanges(2)) {
    assert.deepEqual(kinds, ['end'], 'it asked for none');
    assert.equal(code, status.OK, 'the stream is closed after the end marker');
  }

  east.maxJobsToLease = 2;
  const [first, again] = (await east.nextExchanges(2)).map((exchange) => {
    assert.deepEqual(exchange.kinds, ['lease', 'lease', 'end']);
    assert.equal(exchange.code, status.OK);
    return exchange.leases;
  });
  assert.deepEqual(
    again?.map(({ jobRunId }) => jobRunId),
    first?.map(({ jobRunId }) => jobRunId),
    'what is not shown is leased again, as the same runs',
  );
  const [lease] = first ?? [];
  assert.ok(lease);
  assert.deepEqual([lease.queue, lease.jobset, nodeOf(lease)], ['demo', nameOf(t), 'n0']);

  for (const { jobRunId } of first ?? []) east.shown.set(jobRunId, { node: 'n0', state: JobState.PENDING });
  const [rest] = await east.nextExchanges(1);
  assert.deepEqual(rest?.kinds, ['lease', 'end'], 'what is shown is leased no more');
});

test('what is reported of a run ends its job, and says where it was', async (t) => {
  const east = await cluster(t, [{ name: 'n0', cpu: '1' }]);
  const jobId = await submitOne(t);
  const lease = await east.leaseOf(jobId);
  assert.equal(await east.report(lease, 'assigned'), status.OK);
  assert.equal(await east.report(lease, 'running', 'succeeded'), status.OK);
  const events = await eventsUntil(connection, setOf(t), have('succeeded', 1));
  assert.deepEqual(await kindsOf(t, jobId), [
    'submitted',
    'queued',
    'leased',
    'pending',
    'running',
    'succeeded',
  ]);
  const clusterId = east.id;
  for (const { body } of events) {
    if (body.$case === 'leased') assert.equal(body.value.clusterId, clusterId);
    if (body.$case !== 'running' && body.$case !== 'succeeded') continue;
    const { nodeName, podName, podNamespace, kubernetesId } = body.value;
    assert.deepEqual(
      { clusterId: body.value.clusterId, nodeName, podName, podNamespace, kubernetesId },
      {
        clusterId,
        nodeName: `node of ${lease.jobRunId}`,
        podName: `armada-${jobId}-0`,
        podNamespace: 'default',
        kubernetesId: `pod of ${lease.jobRunId}`,
      },
      body.$case,
    );
  }
  const [exchange] = await east.nextExchanges(1);
  assert.deepEqual(exchange?.kinds, ['end'], 'it ended by itself: there is nothing to stop');
});

test('a cancelled run is to be stopped from the next exchange on, and keeps its room until it is gone', async (t) => {
  const east = await cluster(t, [{ name: 'n0', cpu: '1' }]);
  const [jobId = '', nextId = ''] = await submit(t, jobItem({}), jobItem({ priority: 1 }));
  const lease = await east.leaseOf(jobId);
  await east.report(lease, 'assigned', 'running');
  await eventsUntil(connection, setOf(t), have('running', 1));

  await cancelJobs(connection, { ...setOf(t), jobIds: [jobId] });
  for (const { kinds, cancelled } of await east.nextExchanges(3)) {
    assert.deepEqual(kinds, ['cancel', 'end'], 'from the next exchange on, until the run is gone');
    assert.deepEqual(cancelled, [lease.jobRunId]);
  }
  await eventsUntil(connection, setOf(t), have('cancelled', 1));
  assert.ok(!east.leases.has(nextId), 'the run has its room for as long as it is shown');
  east.shown.delete(lease.jobRunId);
  await east.leaseOf(nextId);
  assert.equal(await east.report(lease, 'succeeded'), status.OK, 'too late, and dropped');
  assert.equal((await kindsOf(t, jobId)).at(-1), 'cancelled');
});

test('a run given back goes to another node, until no attempt is left', async (t) => {
  const nodes = ['n0', 'n1', 'n2', 'n3'].map((name) => ({ name, cpu: '1' }));
  const east = await cluster(t, nodes);
  const jobId = await submitOne(t);
  const tried: string[] = [];
  const giveBack = async (message: string, runAttempted: boolean): Promise<void> => {
    const lease = await east.leaseOf(jobId);
    const node = nodeOf(lease);
    assert.ok(!tried.includes(node), `${node} was tried before`);
    if (runAttempted) tried.push(node);
    east.leases.delete(jobId);
    east.shown.delete(lease.jobRunId);
    assert.equal(await east.report(lease, { returned: message, runAttempted }), status.OK);
  };
  await giveBack('no image', true);
  await giveBack('no room', false);
  await giveBack('no network', true);
  await giveBack('no luck', true);

  const events = await eventsUntil(connection, setOf(t), have('failed', 1));
  const returned = events.flatMap(({ body }) => (body.$case === 'leaseReturned' ? [body.value] : []));
  assert.deepEqual(
    returned.map(({ reason, runAttempted }) => [reason, runAttempted]),
    [
      ['no image', true],
      ['no room', false],
      ['no network', true],
      ['no luck', true],
    ],
  );
  const last = events.at(-1)?.body;
  assert.ok(last?.$case === 'failed');
  assert.match(last.value.reason, /3 attempts.*no luck/);
});

test('a run that another took the place of is stopped, and what is reported of it is dropped', async (t) => {
  const nodes = ['n0', 'n1'].map((name) => ({ name, cpu: '1' }));
  const east = await cluster(t, nodes);
  const jobId = await submitOne(t);
  const old = await east.leaseOf(jobId);
  east.leases.delete(jobId);
  await east.report(old, { returned: 'no image', runAttempted: true });
  const lease = await east.leaseOf(jobId);
  assert.notEqual(lease.jobRunId, old.jobRunId);
  const [exchange] = await east.nextExchanges(1);
  assert.deepEqual(exchange?.cancelled, [old.jobRunId], 'it is shown still, and must not go on');

  assert.equal(await east.report(old, 'running', 'succeeded'), status.OK);
  await east.report(lease, 'running');
  await eventsUntil(connection, setOf(t), have('running', 1));
  const kinds = await kindsOf(t, jobId);
  assert.deepEqual(kinds.slice(2), ['leased', 'leaseReturned', 'leased', 'running']);
  await east.report(lease, 'succeeded');
  await eventsUntil(connection, setOf(t), have('succeeded', 1));
});

test('a run that nobody knows is left alone', async (t) => {
  const east = await cluster(t, [{ name: 'n0', cpu: '1' }]);
  east.shown.set(randomUUID(), { node: 'n0', state: JobState.RUNNING });
  for (const { kinds } of await east.nextExchanges(3)) assert.deepEqual(kinds, ['end']);
});

test('of two clusters each gets what its labels and taints allow', async (t) => {
  const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
  const east = await cluster(t, [{ name: 'n0', cpu: '2', labels: { zone: 'a' }, taints: [taint] }], 'east');
  const west = await cluster(t, [{ name: 'n0', cpu: '8', labels: { zone: 'b' } }], 'west');
  const tolerant = (nodeSelector: Record<string, string>): JobSubmitRequestItem => {
    const item = jobItem({ nodeSelector });
    item.podSpecs[0]?.tolerations.push({
      key: 'gpu',
      operator: 'Exists',
      value: undefined,
      effect: 'NoSchedule',
      tolerationSeconds: undefined,
    });
    return item;
  };
  const [inB = '', plain = '', onGpu = '', large = ''] = await submit(
    t,
    tolerant({ zone: 'b' }),
    jobItem({}),
    tolerant({ zone: 'a' }),
    jobItem({ cpu: '4' }),
  );
  for (const jobId of [inB, plain, large]) await west.leaseOf(jobId);
  await east.leaseOf(onGpu);
  assert.deepEqual([...east.leases.keys()], [onGpu]);
  assert.equal(west.leases.size, 3);
  const nowhere = await submitOne(t, jobItem({ cpu: '4', nodeSelector: { zone: 'a' } }));
  const events = await eventsUntil(connection, setOf(t), have('failed', 1));
  const last = events.at(-1)?.body;
  assert.ok(last?.$case === 'failed' && last.value.jobId === nowhere);
});
