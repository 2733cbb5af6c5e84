import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { connect } from './connect.ts';
import { jobHandle } from './job.ts';
import { failed, queued, running, startJobSet, succeeded } from './testing/fake-job-set.ts';
import { refusal } from './testing/fake-server.ts';

const place = { queue: 'demo', jobSetId: 'set', jobId: 'job' };

test('logs() of a job that never ran are empty', async () => {
  await using jobSet = await startJobSet();
  using connection = connect({ address: jobSet.server.address });
  jobSet.happens(queued('job'), failed('job', { reason: 'too large' }));
  assert.equal(await jobHandle(connection, place).output(), '');
});

test('logs() go on with the next run, and wait for a log that is not there yet', async () => {
  // The second run starts when the first log was read; its own log answers after two refusals.
  const logs = ['first\n', '', '', 'second\n'];
  let reads = 0;
  await using jobSet = await startJobSet({
    logs: {
      readLog: (call) => {
        const text = logs[reads] ?? '';
        reads += 1;
        if (text === '') return void call.emit('error', refusal(status.NOT_FOUND, 'not yet'));
        call.write({ data: Buffer.from(text), offset: 0n, runId: `run-${reads}` });
        call.end();
        if (reads === 1) jobSet.happens(failed('job', { retryable: true }), running('job'));
        else jobSet.happens(succeeded('job'));
      },
    },
  });
  using connection = connect({ address: jobSet.server.address });
  jobSet.happens(running('job'));
  assert.equal(await jobHandle(connection, place).output(), 'first\nsecond\n');
  assert.equal(reads, logs.length);
});

test('logs() give the output of a run once, also when it is known before its event', async () => {
  let reads = 0;
  await using jobSet = await startJobSet({
    logs: {
      readLog: (call) => {
        reads += 1;
        call.write({ data: Buffer.from('second\n'), offset: 0n, runId: 'run-2' });
        if (reads === 1) jobSet.happens(failed('job', { retryable: true }), running('job'), succeeded('job'));
        call.end();
      },
    },
  });
  using connection = connect({ address: jobSet.server.address });
  jobSet.happens(running('job'));
  assert.equal(await jobHandle(connection, place).output(), 'second\n');
  assert.equal(reads, 2);
});
