import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { BadRequest } from '@armada-ts/api/google/rpc/error_details';
import { detail, refusal, startFakeServer } from '@armada-ts/client/testing/fake-server';
import { acceptOne, JOB_ID, serveQueues } from './testing/fake-armada.ts';
import { armadactl, launch } from './testing/launch.ts';

const JOB_SET = `
queue: demo
jobSetId: set
jobs:
  - podSpec: {containers: [{name: main, image: none}]}
`;

test('submit prints the id of each job, and checks only with --dry-run', async () => {
  await using server = await startFakeServer({ submit: acceptOne() });
  const environment = { ARMADAURL: server.address };
  const submitted = await armadactl(['submit', '-'], { environment, input: JOB_SET });
  assert.equal(submitted.stderr, '');
  assert.equal(submitted.stdout, `Submitted job with id: ${JOB_ID} to job set set\n`);
  assert.equal(submitted.exitCode, 0);
  const checked = await armadactl(['submit', '-', '--dry-run'], { input: JOB_SET });
  assert.equal(checked.exitCode, 0);
  assert.equal(checked.stdout, 'standard input is valid: 1 job for job set set of queue demo\n');
  const typo = await armadactl(['submit', '-', '--dry-run'], { input: JOB_SET.replace('image', 'imgae') });
  assert.equal(typo.exitCode, 2);
  assert.match(
    typo.stderr,
    /line 5: jobs\[0\]\.podSpec\.containers\[0\]\.imgae: unknown key; did you mean "image"\?/,
  );
});

test('submit does not need the list of what is there', async () => {
  await using server = await startFakeServer({
    submit: acceptOne(),
    jobList: { listJobs: (_, callback) => callback(refusal(status.INTERNAL, 'out of order')) },
  });
  const options = { environment: { ARMADAURL: server.address }, input: JOB_SET };
  const submitted = await armadactl(['submit', '-'], options);
  assert.deepEqual([submitted.exitCode, submitted.stderr], [0, '']);
});

test('submit finishes when its reader has gone', async () => {
  let submitted = 0;
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        const first = submitted;
        submitted += call.request.jobRequestItems.length;
        const jobResponseItems = call.request.jobRequestItems.map((_, place) => ({
          jobId: `job-${first + place}`,
          error: '',
        }));
        setTimeout(() => callback(null, { jobResponseItems }), 50);
      },
    },
  });
  const job = JOB_SET.slice(JOB_SET.indexOf('  - '));
  const { process, finished } = launch(['submit', '-'], {
    environment: { ARMADAURL: server.address },
    input: JOB_SET + job.repeat(4_999),
  });
  process.stdout.once('data', () => process.stdout.destroy());
  assert.deepEqual([(await finished).exitCode, submitted], [0, 5_000]);
});

test('submit leaves it to the server whether a missing queue is an error', async () => {
  await using server = await startFakeServer({
    submit: acceptOne(),
    jobList: { listJobs: (_, callback) => callback(refusal(status.NOT_FOUND, 'no such queue')) },
  });
  const { exitCode, stdout } = await armadactl(['submit', '-', '-o', 'name'], {
    environment: { ARMADAURL: server.address },
    input: JOB_SET,
  });
  assert.deepEqual([exitCode, stdout], [0, `${JOB_ID}\n`]);
});

test('submit names the places in the file of what the server finds wrong', async () => {
  await using server = await startFakeServer({
    submit: {
      submitJobs: (_, callback) => {
        const field = 'job_request_items[0].pod_spec.containers[0].resources';
        const fieldViolations = [{ field, description: 'must have requests' }];
        const details = [detail('google.rpc.BadRequest', BadRequest, { fieldViolations })];
        callback(refusal(status.INVALID_ARGUMENT, `${field} must have requests`, details));
      },
    },
  });
  const refused = await armadactl(['submit', '-'], {
    environment: { ARMADAURL: server.address },
    input: JOB_SET,
  });
  assert.equal(refused.exitCode, 1);
  assert.equal(
    refused.stderr,
    'error: standard input: the server refused 1 of 1 job\n  line 5: jobs[0].podSpec.containers[0].resources: must have requests\n',
  );
});

test('submit ends with 1 when single items were refused, and with 3 for a queue that is missing', async () => {
  await using server = await startFakeServer({
    queues: serveQueues('prod'),
    submit: {
      submitJobs: (call, callback) => {
        if (call.request.queue === 'demo') callback(refusal(status.NOT_FOUND, 'no such queue'));
        else callback(null, { jobResponseItems: [{ jobId: '', error: 'too large' }] });
      },
    },
  });
  const environment = { ARMADAURL: server.address };
  const refused = await armadactl(['submit', '-'], { environment, input: JOB_SET.replace('demo', 'prod') });
  assert.equal(refused.exitCode, 1);
  assert.equal(
    refused.stderr,
    'error: standard input: the server refused 1 of 1 job\n  line 5: jobs[0]: too large\n',
  );
  const missing = await armadactl(['submit', '-'], { environment, input: JOB_SET });
  assert.equal(missing.exitCode, 3);
  assert.match(missing.stderr, /queue "demo" does not exist\n  create it with `armadactl create queue demo`/);
});
