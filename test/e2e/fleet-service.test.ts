// What operators see of executors and nodes and do to them, by the operator port
// of a whole server within this process, with executors that only pretend.
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { JobState } from '@armada-ts/api/api/job';
import { JobsService } from '@armada-ts/api/api/jobs';
import { SubmitService } from '@armada-ts/api/api/submit';
import { type Connection, createQueue } from '@armada-ts/client';
import type { RunningExecutor } from '@armada-ts/executor/executor';
import { eventually, type FleetCalls, openFleet } from './fleet-calls.ts';
import { type LocalServer, startLocalServer, startPretending } from './in-process.ts';
import { type ItemOptions, jobItem } from './items.ts';
import { temporaryDirectory } from './programs.ts';
import { eventsSoFar, eventsUntil, have } from './watching.ts';

const SET = { queue: 'q', jobSetId: 'set' };
const ONCE = { annotations: { 'armadaproject.io/atMostOnce': 'true' } };
const drain = { reason: 'new disks', letRunningFinish: false };

const directory = await temporaryDirectory({ after });
let server: LocalServer;
let connection: Connection;
let fleet: FleetCalls;

before(async () => {
  server = await startLocalServer(directory, { scheduling: { executorQuietMs: 2_000 } });
  ({ connection } = server);
  fleet = openFleet(server.access);
  await createQueue(connection, { name: SET.queue });
});

after(async () => {
  fleet[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** An executor whose runs last so long; its nodes have its name as a label and eight cores. */
async function executor(
  t: TestContext,
  executorId: string,
  runMs: number,
  count = 1,
): Promise<RunningExecutor> {
  const labels = { of: executorId };
  const nodes = { name: executorId, count, cpu: 8, memory: '64Gi', ephemeralStorage: '640Gi', labels };
  const { grpcAddress } = server.app;
  const started = await startPretending(directory, grpcAddress, { executorId, runMs, nodes });
  t.after(() => started.close({ endRuns: true }));
  await eventually(
    () => fleet.executor(executorId),
    (found) => found?.alive === true,
  );
  return started;
}

async function submit(count: number, options: ItemOptions = {}): Promise<string[]> {
  const jobRequestItems = Array.from({ length: count }, () => jobItem(options));
  const { jobResponseItems } = await connection.call(SubmitService.submitJobs, { ...SET, jobRequestItems });
  return jobResponseItems.map(({ jobId }) => jobId);
}

const all = (kind: 'running' | 'succeeded' | 'leaseReturned', ids: string[]) =>
  eventsUntil(connection, SET, have(kind, ids));

const FOR_EVER = 3_600_000;

test('a drained node is emptied but for what may be started only once, and is used again when uncordoned', async (t) => {
  await executor(t, 'east', FOR_EVER, 2);
  const nodeSelector = { of: 'east' };
  const moving = await submit(4, { nodeSelector });
  await all('running', moving);
  const once = await submit(1, { nodeSelector, ...ONCE });
  await all('running', once);
  const full = (await fleet.nodes('east')).find(({ runs }) => runs === 5)!;
  assert.deepEqual(Object.fromEntries(full.capacity), {
    cpu: '8',
    memory: '64Gi',
    'ephemeral-storage': '640Gi',
  });
  assert.equal(full.used.get('cpu'), '5');
  const place = { executor: 'east', name: full.name };
  assert.partialDeepStrictEqual(await fleet.ask('drainNode', { ...place, ...drain }), { runs: 5 });
  await all('leaseReturned', moving);
  const nodes = await eventually(
    () => fleet.nodes('east'),
    (found) => found.some(({ name, runs }) => name !== full.name && runs === 4),
  );
  const left = nodes.find(({ name }) => name === full.name);
  assert.deepEqual([left?.runs, left?.cordon?.draining, left?.cordon?.by], [1, true, 'operator']);
  const events = await eventsSoFar(connection, SET);
  assert.ok(!events.some(({ body }) => body.$case === 'failed' || body.$case === 'leaseExpired'));

  const other = nodes.find(({ name }) => name !== full.name)!;
  await fleet.ask('uncordonNode', place);
  await fleet.ask('cordonNode', { executor: 'east', name: other.name, reason: 'dust' });
  await all('running', await submit(1, { nodeSelector }));
  const shared = await fleet.nodes('east');
  assert.deepEqual(new Set(shared.map(({ runs }) => runs)), new Set([2, 4]));
  await fleet.ask('uncordonNode', { executor: 'east', name: other.name });
});

test('with runs let finish an executor empties by itself, and waiting jobs stay away', async (t) => {
  await executor(t, 'slow', 1_500);
  const nodeSelector = { of: 'slow' };
  const running = await submit(2, { nodeSelector });
  await all('running', running);
  const request = { name: 'slow', reason: 'old', letRunningFinish: true };
  assert.partialDeepStrictEqual(await fleet.ask('drainExecutor', request), { runs: 2 });
  const waiting = await submit(1, { nodeSelector });
  await all('succeeded', running);
  await eventually(
    () => fleet.executor('slow'),
    (found) => found?.runs === 0 && found.stoppingRuns === 0,
  );
  const kinds = (await eventsSoFar(connection, SET))
    .filter(
      ({ body }) => [...running, ...waiting].includes(body.value.jobId) && body.$case === 'leaseReturned',
    )
    .map(({ body }) => body.value.jobId);
  assert.deepEqual(kinds, []);
  await fleet.ask('uncordonExecutor', { name: 'slow' });
  await all('succeeded', waiting);
});

test('an executor is removed once it is gone, with its runs and all that was set for it', async (t) => {
  const gone = await executor(t, 'gone', FOR_EVER);
  const jobs = await submit(3, { nodeSelector: { of: 'gone' } });
  const [stuck = ''] = await submit(1, { nodeSelector: { of: 'gone' }, ...ONCE });
  await all('running', [...jobs, stuck]);
  const remove = (requeueJobs: boolean) => fleet.ask('removeExecutor', { name: 'gone', requeueJobs });
  await assert.rejects(remove(true), { reason: 'EXECUTOR_IN_USE', message: /is alive/ });
  await fleet.ask('cordonNode', { executor: 'gone', name: 'gone-0', reason: 'dust' });
  // What it holds goes on somewhere, for all that the server can know.
  await gone.close();
  await eventually(
    () => fleet.executor('gone'),
    (found) => found?.alive === false,
  );
  await assert.rejects(remove(false), { reason: 'EXECUTOR_IN_USE', message: /has 4 runs/ });
  assert.partialDeepStrictEqual(await remove(true), { runs: 4 });
  await eventsUntil(connection, SET, have('leaseExpired', [...jobs, stuck]));
  await eventually(
    () => fleet.executor('gone'),
    (found) => found === undefined,
  );
  await assert.rejects(fleet.nodes('gone'), { reason: 'EXECUTOR_NOT_FOUND' });
  const { jobStates } = await connection.call(JobsService.getJobStatus, { jobIds: [...jobs, stuck] });
  assert.deepEqual(
    jobs.map((id) => jobStates.get(id)),
    jobs.map(() => JobState.QUEUED),
  );
  assert.equal(jobStates.get(stuck), JobState.FAILED, 'it may have been started, and only once');
});
