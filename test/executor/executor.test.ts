import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { JobState } from '@armada-ts/api/api/job';
import type { LogChunk } from '@armada-ts/api/armada/executor/v1/executor';
import { ReadLog } from '@armada-ts/api/armada/executor/v1/executor';
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { type ExecutorConfigInput, parseConfig } from '@armada-ts/executor/config';
import { type RunningExecutor, startExecutor } from '@armada-ts/executor/executor';
import { sampleLease } from './lease.ts';
import { type SampleServer, startSampleServer } from './server.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const LONG_RUN = { minRunMs: 60_000, meanRunMs: 60_000, maxRunMs: 60_000 };
const SHORT_RUN = { minRunMs: 5, meanRunMs: 5, maxRunMs: 5 };

let server: SampleServer;
let executor: RunningExecutor | undefined;

beforeEach(async () => {
  server = await startSampleServer();
});

afterEach(async () => {
  await executor?.close();
  executor = undefined;
  server.kill();
});

async function start(simulated: ExecutorConfigInput['simulated'], lease: ExecutorConfigInput['lease'] = {}) {
  server.requests.length = 0;
  const config = parseConfig({
    executorId: 'executor-a',
    server: { address: server.address },
    runtime: 'simulated',
    nodes: { count: 2, cpu: 4, name: 'local' },
    lease: { heartbeatMs: 300, ...lease },
    simulated,
  });
  executor = await startExecutor({ config, logger: silent, environment: {} });
  await until(() => server.requests.length > 0);
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); ) {
    assert.ok(Date.now() < end, 'it did not happen within 10 s');
    await sleep(5);
  }
}

/** What the server was told of a run, in order. */
function told(lease: JobRunLease): string[] {
  return server.events.flatMap(({ event }) => {
    if (event === undefined || !('runId' in event.value) || event.value.runId !== lease.jobRunId) return [];
    return [event.$case];
  });
}

/** The state in which the newest request shows a run. */
function shown(lease: JobRunLease): JobState | undefined {
  const nodes = server.requests.at(-1)?.nodes ?? [];
  return nodes.map((node) => node.runIdsByState.get(lease.jobRunId)).find((state) => state !== undefined);
}

test('the first request says who is there and what it has, on a stream with the private marks', async () => {
  await start(LONG_RUN);
  const [request] = server.requests;
  assert.equal(request?.executorId, 'executor-a');
  assert.equal(request.pool, 'default');
  assert.ok(request.maxJobsToLease > 0);
  assert.deepEqual(
    request.nodes.map(({ name, pool }) => [name, pool]),
    [
      ['local-0', 'default'],
      ['local-1', 'default'],
    ],
  );
  assert.equal(request.nodes[1]?.labels.get('kubernetes.io/hostname'), 'local-1');
  assert.equal(request.nodes[1]?.totalResources.get('cpu')?.string, '4');
  assert.equal(request.resources.get('cpu')?.string, '8');
  assert.equal(server.metadata['armada-lease'], 'push');
  assert.match(String(server.metadata['armada-session']), /^[0-9a-f-]{36}$/);
});

test('a lease is run, shown, reported in order and dropped once its end is taken', async () => {
  await start({ minRunMs: 400, meanRunMs: 400, maxRunMs: 400 });
  const lease = sampleLease('', { node: 'local-1', jobId: '01job' });
  server.lease(lease);
  await until(() => shown(lease) === JobState.RUNNING);
  assert.equal(server.requests.at(-1)?.nodes[1]?.runIdsByState.size, 1);
  await until(() => told(lease).length === 3);
  assert.deepEqual(told(lease), ['jobRunAssigned', 'jobRunRunning', 'jobRunSucceeded']);
  const running = server.events.find(({ event }) => event?.$case === 'jobRunRunning')?.event;
  assert.ok(running?.$case === 'jobRunRunning');
  const [info] = running.value.resourceInfos;
  assert.deepEqual([info?.objectMeta?.executorId, info?.objectMeta?.name], ['executor-a', 'armada-01job-0']);
  assert.equal(info?.objectMeta?.kubernetesId, lease.jobRunId);
  assert.ok(info?.info?.$case === 'podInfo' && info.info.value.nodeName === 'local-1');
  await until(() => shown(lease) === undefined);
});

test('a lease offered twice runs once, also after its end', async () => {
  await start(SHORT_RUN);
  const lease = sampleLease('', {});
  server.lease(lease);
  server.lease(lease);
  await until(() => told(lease).includes('jobRunSucceeded'));
  const other = sampleLease('');
  server.lease(other);
  await until(() => told(other).includes('jobRunSucceeded'));
  assert.deepEqual(told(lease), ['jobRunAssigned', 'jobRunRunning', 'jobRunSucceeded']);
});

test('a cancelled or preempted run ends without a report and is shown until it is gone', async () => {
  await start(LONG_RUN);
  const [one, two] = [sampleLease('', { node: 'local-0' }), sampleLease('', { node: 'local-0' })];
  for (const lease of [one, two]) server.lease(lease);
  await until(() => shown(one) === JobState.RUNNING && shown(two) === JobState.RUNNING);
  server.push({ $case: 'cancelRuns', value: { jobRunIdsToCancel: [one.jobRunId, 'unknown'] } });
  server.push({ $case: 'preemptRuns', value: { jobRunIdsToPreempt: [two.jobRunId] } });
  await until(() => shown(one) === undefined && shown(two) === undefined);
  for (const lease of [one, two]) assert.deepEqual(told(lease), ['jobRunAssigned', 'jobRunRunning']);
});

test('the end of a run is shown before the run is dropped, however short it was', async () => {
  await start({ ...SHORT_RUN, failureRatio: 1 }, { heartbeatMs: 30_000 });
  const [failed, cancelled] = [sampleLease(''), sampleLease('')];
  server.lease(failed);
  server.lease(cancelled);
  server.push({ $case: 'cancelRuns', value: { jobRunIdsToCancel: [cancelled.jobRunId] } });
  const states = (lease: JobRunLease) =>
    server.requests.flatMap(({ nodes }) =>
      nodes.flatMap((one) => one.runIdsByState.get(lease.jobRunId) ?? []),
    );
  for (const lease of [failed, cancelled]) {
    await until(() => states(lease).at(-1) === JobState.FAILED);
  }
  server.lease(sampleLease('', { node: 'local-1' }));
  await until(() => shown(failed) === undefined && shown(cancelled) === undefined);
});

test('a server that has not answered yet is not asked again, and then shown everything at once', async () => {
  await start(LONG_RUN);
  server.isSlow = true;
  const before = server.requests.length;
  await until(() => server.requests.length > before);
  const leases = [sampleLease(''), sampleLease('')];
  for (const lease of leases) {
    server.lease(lease);
    await sleep(300);
  }
  assert.equal(server.requests.length, before + 1);
  assert.deepEqual(leases.map(shown), [undefined, undefined]);
  server.isSlow = false;
  server.answer();
  await until(() => server.requests.length === before + 2);
  assert.deepEqual(leases.map(shown), [JobState.RUNNING, JobState.RUNNING]);
});

test('failed and returned runs are reported as such', async () => {
  await start({ ...SHORT_RUN, failureRatio: 1 });
  const lease = sampleLease('');
  server.lease(lease);
  await until(() => told(lease).includes('jobRunErrors'));
  const failed = server.events.at(-1)?.event;
  assert.ok(failed?.$case === 'jobRunErrors');
  const [error] = failed.value.errors;
  assert.ok(error?.terminal && error.reason?.$case === 'podError');
  assert.deepEqual(
    error.reason.value.containerErrors.map(({ exitCode }) => exitCode),
    [1],
  );
  await executor?.close();
  await start({ ...SHORT_RUN, leaseReturnRatio: 1 });
  const returned = sampleLease('');
  server.lease(returned);
  await until(() => told(returned).length > 1);
  assert.deepEqual(told(returned), ['jobRunAssigned', 'jobRunErrors']);
  const last = server.events.at(-1)?.event;
  assert.ok(last?.$case === 'jobRunErrors' && last.value.errors[0]?.reason?.$case === 'podLeaseReturned');
});

test('reports that are refused for a while arrive later, once and in order', async () => {
  await start(SHORT_RUN);
  server.refuseReports = () => status.UNAVAILABLE;
  const leases = Array.from({ length: 300 }, () => sampleLease('', { node: 'local-0' }));
  for (const lease of leases) server.lease(lease);
  await until(() => server.reportCalls >= 3);
  assert.equal(server.events.length, 0);
  await until(() => shown(leases[299]!) === JobState.SUCCEEDED);
  server.refuseReports = () => undefined;
  await until(() => server.events.length >= 900);
  for (const lease of leases) {
    assert.deepEqual(told(lease), ['jobRunAssigned', 'jobRunRunning', 'jobRunSucceeded']);
  }
  await until(() => leases.every((lease) => shown(lease) === undefined));
});

test('a report that the server will not have does not keep back the others', async () => {
  await start(SHORT_RUN);
  const bad = sampleLease('');
  server.refuseReports = (list) => {
    const runs = list.events.flatMap(({ events }) => events.map(({ event }) => event?.value));
    return runs.some((run) => run !== undefined && 'runId' in run && run.runId === bad.jobRunId)
      ? status.INVALID_ARGUMENT
      : undefined;
  };
  const good = Array.from({ length: 5 }, () => sampleLease(''));
  for (const lease of [bad, ...good]) server.lease(lease);
  await until(() => good.every((lease) => told(lease).includes('jobRunSucceeded')));
  assert.deepEqual(told(bad), []);
});

test('a server that goes away and comes back finds the same runs', async () => {
  await start({ minRunMs: 2_000, meanRunMs: 2_000, maxRunMs: 2_000 });
  const lease = sampleLease('', { node: 'local-0' });
  server.lease(lease);
  await until(() => shown(lease) === JobState.RUNNING);
  const session = server.metadata['armada-session'];
  const { port } = server;
  server.kill();
  await sleep(300);
  server = await startSampleServer(port);
  await until(() => server.requests.length > 0);
  assert.equal(shown(lease), JobState.RUNNING);
  assert.equal(server.metadata['armada-session'], session);
  await until(() => told(lease).includes('jobRunSucceeded'));
  assert.deepEqual(told(lease), ['jobRunSucceeded']);
});

test('without a server only at-most-once runs are stopped, and that is reported', async () => {
  await start(LONG_RUN, { silenceLimitMs: 1_000 });
  const usual = sampleLease('', { node: 'local-0' });
  const once = sampleLease('', { node: 'local-0', annotations: { 'armadaproject.io/atMostOnce': 'true' } });
  for (const lease of [usual, once]) server.lease(lease);
  await until(() => shown(usual) === JobState.RUNNING && shown(once) === JobState.RUNNING);
  const { port } = server;
  server.kill();
  await sleep(1_500);
  server = await startSampleServer(port);
  await until(() => told(once).length > 0);
  const event = server.events.find(({ event: one }) => one?.$case === 'jobRunErrors')?.event;
  assert.ok(event?.$case === 'jobRunErrors' && event.value.errors[0]?.reason?.$case === 'podError');
  assert.match(event.value.errors[0].reason.value.message, /no server could be reached for 1 s/);
  assert.deepEqual(told(usual), []);
  await until(() => shown(usual) === JobState.RUNNING);
});

test('while another process has the executor id it tries again, and leases when it is free', async () => {
  server.refuseLeases = status.ALREADY_EXISTS;
  const starting = start(SHORT_RUN);
  await sleep(300);
  assert.equal(server.requests.length, 0);
  server.refuseLeases = undefined;
  await starting;
});

test('the link answers questions about logs in chunks, as far as it is asked', async () => {
  await start(LONG_RUN);
  const lease = sampleLease('', { node: 'local-0', jobId: '01log' });
  server.lease(lease);
  await until(() => shown(lease) === JobState.RUNNING && server.answers.length > 0);
  assert.deepEqual(server.answers[0]?.message, {
    $case: 'hello',
    value: { ...server.answers[0]?.message?.value, executorId: 'executor-a' },
  });
  server.answers.length = 0;
  const ask = (question: number, over: Partial<ReadLog>) =>
    server.ask({ $case: 'readLog', value: { ...ReadLog.create(), question, jobId: '01log', ...over } });
  ask(1, {});
  ask(2, { offset: 5n, limit: 4n });
  ask(3, { jobId: 'other' });
  await until(() => server.answers.length >= 5);
  const chunks = server.answers.map(({ message }) => message?.value as LogChunk);
  const text = (question: number) =>
    Buffer.concat(chunks.filter((chunk) => chunk.question === question).map(({ data }) => data)).toString();
  assert.match(text(1), /^This run is simulated/);
  assert.equal(text(2), 'run ');
  assert.equal(chunks.find(({ question }) => question === 2)?.offset, 5n);
  const errors = new Map(chunks.filter(({ end }) => end).map(({ question, error }) => [question, error]));
  assert.deepEqual([errors.get(1), errors.get(2)], ['', '']);
  assert.match(errors.get(3) ?? '', /no log of this run/);
});
