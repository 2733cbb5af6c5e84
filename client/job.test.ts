import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DevServer, startDevServer } from './dev-server.ts';
import type { JobSetEvent } from './events.ts';
import { JobFailedError, jobHandle, submitJob } from './job.ts';
import { jobFromJson } from './job-spec.ts';
import { createQueue } from './queues.ts';
import { submitJobs } from './submit.ts';

let server: DevServer;
before(async () => {
  server = await startDevServer({ nodes: { count: 4, cpu: '4', memory: '8Gi' } });
  await createQueue(server.connection, { name: 'demo' });
});
after(() => server.close());

const small = { queue: 'demo', cpu: '100m', memory: '32Mi' };

test('submitJob() gives a handle that tells how a command ended and what it wrote', {
  timeout: 30_000,
}, async () => {
  const { connection } = server;
  const env = { WORD: 'grüezi' };
  const job = await submitJob(connection, {
    ...small,
    command: ['sh', '-c', 'echo $WORD; sleep 0.1; echo end'],
    env,
  });
  assert.match(job.id, /^[0-7][0-9a-z]{25}$/);
  assert.equal(await job.output(), 'grüezi\nend\n');
  const result = await job.result({ mustSucceed: true });
  const { run, submittedAt, endedAt, ...rest } = result;
  assert.deepEqual(rest, { jobId: job.id, state: 'succeeded', exitCode: 0, reason: '', containers: [] });
  assert.equal(run?.cluster, 'dev');
  assert.match(run?.node ?? '', /^dev-\d$/);
  assert.ok(submittedAt && run?.startedAt && endedAt);
  assert.ok(submittedAt <= run.startedAt && run.startedAt <= endedAt);
  assert.equal(await job.result(), result, 'asking again costs nothing');
  assert.equal((await job.describe()).job?.jobId, job.id);
});

test('result() tells of a job that failed, or throws when it must succeed', { timeout: 30_000 }, async () => {
  const job = await submitJob(server.connection, { ...small, command: ['sh', '-c', 'exit 3'] });
  const result = await job.result();
  assert.deepEqual([result.state, result.exitCode], ['failed', 3]);
  assert.deepEqual(
    result.containers.map(({ name, exitCode }) => [name, exitCode]),
    [['main', 3]],
  );
  await assert.rejects(job.result({ mustSucceed: true }), (error: unknown) => {
    assert.ok(error instanceof JobFailedError);
    assert.equal(error.result, result);
    assert.match(error.message, new RegExp(`^job ${job.id} failed with exit code 3`));
    return true;
  });
});

test('cancel() ends a job, and all its iterators with it', { timeout: 30_000 }, async () => {
  const job = await submitJob(server.connection, { ...small, command: ['sh', '-c', 'echo up; sleep 60'] });
  const kinds: string[] = [];
  const reading = (async () => {
    for await (const { body } of job.events()) kinds.push(body.$case);
  })();
  let text = '';
  for await (const { data } of job.logs()) {
    text += Buffer.from(data).toString();
    if (text === 'up\n') await job.cancel({ reason: 'enough' });
  }
  const result = await job.result();
  assert.deepEqual([result.state, result.reason, result.exitCode], ['cancelled', 'enough', undefined]);
  await reading;
  assert.deepEqual([kinds[0], kinds.at(-1)], ['submitted', 'cancelled']);
  assert.ok(kinds.includes('running'));
  const again: string[] = [];
  for await (const { body } of job.events()) again.push(body.$case);
  assert.deepEqual(again, kinds);
});

test('a job that waits is left by aborting, and its logs and events with it', {
  timeout: 30_000,
}, async () => {
  const command = ['sleep', '60'];
  const job = await submitJob(server.connection, { ...small, command, cpu: '4', memory: '1Gi', priority: 9 });
  const abort = new AbortController();
  const { signal } = abort;
  const read = async (iterator: AsyncIterable<unknown>) => {
    for await (const _ of iterator);
  };
  const left = [job.result({ signal }), read(job.logs({ signal })), read(job.events({ signal }))];
  setTimeout(() => abort.abort(), 50);
  for (const each of left) await assert.rejects(each, { code: 'CANCELLED' });
  await assert.rejects(job.result({ signal }), { code: 'CANCELLED' });
  await job.cancel();
  assert.equal((await job.result()).state, 'cancelled');
});

test('result() of a job that does not exist fails', { timeout: 30_000 }, async () => {
  const place = { queue: 'demo', jobSetId: 'nothing', jobId: '01m7yd3nf3c7sfqejj3100005a' };
  await assert.rejects(jobHandle(server.connection, place).result(), { code: 'NOT_FOUND' });
});

test('submitJob() makes a job each time, or once under a client id', { timeout: 30_000 }, async () => {
  const job = { ...small, jobSetId: 'again', command: ['true'] };
  const first = await submitJob(server.connection, job);
  const second = await submitJob(server.connection, job);
  assert.notEqual(first.id, second.id);
  const once = await submitJob(server.connection, { ...job, clientId: 'once' });
  assert.equal((await submitJob(server.connection, { ...job, clientId: 'once' })).id, once.id);
  const conflict = submitJob(server.connection, { ...job, clientId: 'once', command: ['false'] });
  await assert.rejects(conflict, { code: 'ALREADY_EXISTS', reason: 'CLIENT_ID_CONFLICT' });
});

test('submitJobs() twice with the same list makes nothing twice', { timeout: 30_000 }, async () => {
  const resources = { requests: { cpu: '50m', memory: '16Mi' }, limits: { cpu: '50m', memory: '16Mi' } };
  const containers = [{ name: 'main', image: 'none', command: ['true'], resources }];
  const item = jobFromJson({ podSpec: { containers } });
  const submission = { queue: 'demo', jobSetId: 'list', items: [item, item, { ...item, priority: 1 }] };
  const idsOf = async () => {
    const ids: string[] = [];
    for await (const { jobId } of submitJobs(server.connection, submission)) ids.push(jobId);
    return ids;
  };
  const ids = await idsOf();
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual(await idsOf(), ids);
  const handles = ids.map((jobId) => jobHandle(server.connection, { ...submission, jobId }));
  const states = await Promise.all(handles.map(async (job) => (await job.result()).state));
  assert.deepEqual(states, ['succeeded', 'succeeded', 'succeeded']);
});

test('the last events are there before anybody asks', { timeout: 30_000 }, async () => {
  const job = await submitJob(server.connection, { ...small, command: ['true'] });
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await job.describe()).job?.lastChange && (await job.describe()).runs[0]?.finished) break;
    await sleep(20);
  }
  const events: JobSetEvent[] = [];
  for await (const event of job.events()) events.push(event);
  assert.equal(events.at(-1)?.body.$case, 'succeeded');
});
