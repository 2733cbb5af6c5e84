import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { JobCancelRequest } from '@armada-ts/api/api/submit';
import { refusal, startFakeServer, type FakeMethods } from '@armada-ts/client/testing/fake-server';
import type { JobSetEventBody } from '@armada-ts/client/events';
import { acceptOne, event, JOB_ID, serveEvents, serveQueues } from './testing/fake-armada.ts';
import { armadactl, launch, printed } from './testing/launch.ts';

const OTHER_ID = '01hzy3m2q4r5s6t7v8w9x0y1z3';
const begun = [
  event('submitted'),
  event('queued'),
  event('leased', { clusterId: 'local' }),
  event('running', { nodeName: 'n1' }),
];

function serveLog(text: string): NonNullable<FakeMethods['logs']> {
  return {
    readLog: (call) => {
      const all = Buffer.from(text);
      const offset = Number(call.request.offset);
      const first = offset < 0 ? Math.max(all.length + offset, 0) : offset;
      call.write({ data: all.subarray(first), offset: BigInt(first), runId: 'run-1' });
      call.end();
    },
  };
}

async function watchEnd(...last: JobSetEventBody[]) {
  await using server = await startFakeServer({ events: { getJobSetEvents: serveEvents(...begun, ...last) } });
  return await armadactl(['watch', 'demo', 'set', '--exit-if-inactive'], {
    environment: { ARMADAURL: server.address },
  });
}

test('watch prints a line per event, with the state of the set', async () => {
  const { exitCode, stdout } = await watchEnd(event('succeeded', { nodeName: 'n1' }));
  assert.equal(exitCode, 0);
  const at = '2026-09-21T14:13:20.005Z';
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    `${at}  submitted   ${JOB_ID}  [1 submitted]`,
    `${at}  queued      ${JOB_ID}  [1 queued]`,
    `${at}  leased      ${JOB_ID}  [1 leased]  cluster local`,
    `${at}  running     ${JOB_ID}  [1 running]  node n1`,
    `${at}  succeeded   ${JOB_ID}  [1 succeeded]  node n1`,
  ]);
});

test('watch --exit-if-inactive ends with what the jobs came to', async () => {
  const exitCode = async (...last: JobSetEventBody[]) => (await watchEnd(...last)).exitCode;
  assert.equal(await exitCode(event('failed', { reason: 'broke' })), 1);
  assert.equal(await exitCode(event('failed', { cause: 'Rejected' })), 7);
  assert.equal(await exitCode(event('cancelled')), 8);
  assert.equal(await exitCode(event('preempted'), event('failed')), 8);
  assert.equal(await exitCode(event('failed', { retryable: true }), event('running'), event('succeeded')), 0);
});

test('watch --exit-if-inactive reads to the present before it stops', async () => {
  const { exitCode, stdout } = await watchEnd(
    event('succeeded'),
    event('submitted', {}, OTHER_ID),
    event('failed', { exitCodes: { main: 3 }, reason: 'multi\nline \u001b[31m' }, OTHER_ID),
  );
  assert.equal(exitCode, 1);
  assert.match(stdout, /\[1 succeeded, 1 failed\]  exit code 3  reason multi line \[31m\n$/);
});

test('watch --raw prints JSON lines', async () => {
  await using server = await startFakeServer({
    events: { getJobSetEvents: serveEvents(...begun, event('succeeded')) },
  });
  const { stdout } = await armadactl(['watch', 'demo', 'set', '--raw', '--exit-if-inactive', '--from', '3'], {
    environment: { ARMADAURL: server.address },
  });
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ id, message }) => [
      id,
      Object.keys(message),
      Object.values<{ jobId: string }>(message)[0]?.jobId,
    ]),
    [
      ['4', ['running'], JOB_ID],
      ['5', ['succeeded'], JOB_ID],
    ],
  );
});

test('watch of a missing job set ends with 3, and an interrupt ends it with 130', async () => {
  const missing = refusal(status.NOT_FOUND, 'job set "set" does not exist in queue "demo"');
  await using server = await startFakeServer({
    queues: serveQueues('demo'),
    events: {
      getJobSetEvents: (call) =>
        call.request.id === 'set'
          ? void call.emit('error', missing)
          : void call.write({ id: '1', message: { events: event('queued') } }),
    },
  });
  const environment = { ARMADAURL: server.address };
  const { exitCode, stderr } = await armadactl(['watch', 'demo', 'set'], { environment });
  assert.equal(exitCode, 3);
  assert.match(stderr, /^error: job set "set" does not exist in queue "demo"\n$/);
  const { process, finished } = launch(['watch', 'demo', 'other'], { environment });
  await printed(process.stdout, 'queued');
  process.kill('SIGINT');
  assert.equal((await finished).exitCode, 130);
});

test('watch ends quietly when its reader has gone', async () => {
  const bodies = Array.from({ length: 5_000 }, () => event('reprioritized', { newPriority: 1 }));
  await using server = await startFakeServer({ events: { getJobSetEvents: serveEvents(...bodies) } });
  const { process, finished } = launch(['watch', 'demo', 'set'], {
    environment: { ARMADAURL: server.address },
  });
  await printed(process.stdout, 'reprioritized');
  process.stdout.destroy();
  const { exitCode, stderr } = await finished;
  assert.deepEqual([exitCode, stderr], [0, '']);
});

test('logs prints the output as it is, whole or its tail', async () => {
  await using server = await startFakeServer({ logs: serveLog('first\nlast\n') });
  const environment = { ARMADAURL: server.address };
  assert.equal((await armadactl(['logs', JOB_ID], { environment })).stdout, 'first\nlast\n');
  assert.equal((await armadactl(['logs', JOB_ID, '-f', '--tail', '5'], { environment })).stdout, 'last\n');
});

async function runEnd(...last: JobSetEventBody[]) {
  await using server = await startFakeServer({
    submit: acceptOne(),
    logs: serveLog('hello\n'),
    events: { getJobSetEvents: serveEvents(event('queued', {}, OTHER_ID), ...begun, ...last) },
  });
  return await armadactl(['run', '--env', 'A=1,2', '--', 'echo', 'hello'], {
    environment: { ARMADAURL: server.address },
  });
}

test("run prints the job's output and exits as the job did", async () => {
  const ok = await runEnd(event('succeeded'));
  assert.deepEqual([ok.exitCode, ok.stdout], [0, 'hello\n']);
  assert.match(
    ok.stderr,
    new RegExp(`^job ${JOB_ID} submitted to queue default, job set run-[0-9a-f]{8}\n$`),
  );
  const exitCodes = { main: 42, side: 0 };
  const failed = await runEnd(event('failed', { exitCodes, reason: 'main ended with exit code 42' }));
  assert.equal(failed.exitCode, 42);
  assert.match(failed.stderr, /failed: main ended with exit code 42\n$/);
  assert.equal((await runEnd(event('failed', { cause: 'Rejected', reason: 'fits no node' }))).exitCode, 7);
  assert.equal((await runEnd(event('preempted', { reason: 'needed elsewhere' }))).exitCode, 8);
});

test('run for a queue that is missing says how to create it', async () => {
  await using server = await startFakeServer({
    queues: serveQueues(),
    submit: { submitJobs: (_, callback) => callback(refusal(status.NOT_FOUND, 'no such queue')) },
  });
  const { exitCode, stderr } = await armadactl(['run', '--', 'true'], {
    environment: { ARMADAURL: server.address },
  });
  assert.equal(exitCode, 3);
  assert.equal(
    stderr,
    'error: queue "default" does not exist\n  create it with `armadactl create queue default`\n',
  );
});

test('run cancels its job at the first interrupt, and leaves at the second', async () => {
  const cancels: JobCancelRequest[] = [];
  const jobEnd = new EventEmitter();
  await using server = await startFakeServer({
    submit: {
      ...acceptOne(),
      cancelJobs: (call, callback) => {
        cancels.push(call.request);
        callback(null, { cancelledIds: call.request.jobIds });
        // The first job ignores its cancellation.
        if (cancels.length > 1) jobEnd.emit('cancelled', event('cancelled', { reason: 'interrupted' }));
      },
    },
    logs: {
      readLog: (call) => {
        call.write({ data: Buffer.from('tick\n'), offset: 0n, runId: 'run-1' });
        jobEnd.once('cancelled', () => call.end());
      },
    },
    events: {
      getJobSetEvents: (call) => {
        for (const [place, events] of begun.entries()) call.write({ id: String(place), message: { events } });
        jobEnd.once('cancelled', (events) => call.write({ id: '9', message: { events } }));
      },
    },
  });
  const environment = { ARMADAURL: server.address };
  const impatient = launch(['run', '--', 'sleep', '100'], { environment });
  await printed(impatient.process.stdout, 'tick');
  impatient.process.kill('SIGINT');
  await printed(impatient.process.stderr, 'interrupt again to leave');
  impatient.process.kill('SIGINT');
  assert.equal((await impatient.finished).exitCode, 130);

  const patient = launch(['run', '--', 'sleep', '100'], { environment });
  await printed(patient.process.stdout, 'tick');
  patient.process.kill('SIGINT');
  const { exitCode, stderr } = await patient.finished;
  assert.equal(exitCode, 130);
  assert.match(stderr, /was cancelled: interrupted/);
  assert.deepEqual(
    cancels.map(({ jobIds }) => jobIds),
    [[JOB_ID], [JOB_ID]],
  );
});
