import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { fromJson } from '@armada-ts/api/json';
import { JobState } from '@armada-ts/api/api/job';
import type { DescribeJobResponse, ListedJob, ListJobsRequest } from '@armada-ts/api/armada/jobs/v1/jobs';
import { refusal, startFakeServer } from '@armada-ts/client/testing/fake-server';
import { JOB_ID, serveQueues } from './testing/fake-armada.ts';
import { armadactl } from './testing/launch.ts';

const LATER_ID = `${JOB_ID.slice(0, -1)}9`;
const AT = '2026-11-21T06:43:31.547Z';

function listed(fields: object): ListedJob {
  const whole = { jobId: JOB_ID, queue: 'demo', jobSet: 'set', submitted: AT, lastChange: AT, ...fields };
  return fromJson('armada.jobs.v1.ListedJob', whole, { unknown: 'error' });
}

test('get jobs prints a table of all pages, the newest last', async () => {
  const asked: ListJobsRequest[] = [];
  await using server = await startFakeServer({
    jobList: {
      listJobs: (call, callback) => {
        asked.push(call.request);
        const reason = `broke\n${'x'.repeat(200)}`;
        const failed = { state: 'FAILED', cluster: 'east', node: 'n1', exitCode: 3, reason };
        if (call.request.pageToken === '') {
          callback(null, { jobs: [listed({ jobId: LATER_ID, ...failed })], nextPageToken: 'next' });
        } else callback(null, { jobs: [listed({ queue: 'batch', priority: 10 })], nextPageToken: '' });
      },
    },
  });
  const options = ['--queue', 'demo', '--job-set', 'set', '--state', 'failed,QUEUED'];
  const run = await armadactl(['get', 'jobs', ...options, '--armadaUrl', server.address]);
  assert.equal(run.exitCode, 0, run.stderr);
  const [titles, older, newer, ...more] = run.stdout.trimEnd().split('\n');
  assert.match(
    titles ?? '',
    /^ID +STATE +QUEUE +JOB SET +PRIORITY +SUBMITTED +CHANGED +CLUSTER +NODE +EXIT +REASON$/,
  );
  const at = '2026-11-21T06:43:31Z';
  assert.equal(older?.replaceAll(/ +/g, ' '), `${JOB_ID} queued batch set 10 ${at} ${at} - - -`);
  assert.match(newer ?? '', new RegExp(`^${LATER_ID}  failed  demo .* east +n1 +3 +broke x+…$`));
  assert.equal(older?.indexOf('batch'), newer?.indexOf('demo'), 'columns are in line');
  assert.deepEqual(more, []);
  assert.deepEqual(
    asked.map(({ queue, jobSet, states, pageToken }) => [queue, jobSet, states, pageToken]),
    ['', 'next'].map((token) => ['demo', 'set', [JobState.FAILED, JobState.QUEUED], token]),
  );
});

test('get jobs says when there are none, which state it does not know, and which queue is missing', async () => {
  await using server = await startFakeServer({
    queues: serveQueues('demo'),
    jobList: {
      listJobs: (call, callback) => {
        if (call.request.queue === '') callback(null, { jobs: [], nextPageToken: '' });
        else callback(refusal(status.NOT_FOUND, `queue "${call.request.queue}" does not exist`));
      },
    },
  });
  const get = (...args: string[]) => armadactl(['get', 'jobs', '--armadaUrl', server.address, ...args]);
  const none = await get();
  assert.deepEqual([none.exitCode, none.stdout, none.stderr], [0, '', 'there are no such jobs\n']);
  const state = await get('--state', 'done');
  assert.equal(state.exitCode, 2);
  assert.match(state.stderr, /--state must be among queued, pending, .*, got "done"/);
  const queue = await get('--queue', 'dmeo');
  assert.equal(queue.exitCode, 3);
  assert.match(queue.stderr, /queue "dmeo" does not exist\n  did you mean "demo"\?/);
});

test('describe job tells its state, its containers and its runs', async () => {
  const described = fromJson(
    'armada.jobs.v1.DescribeJobResponse',
    {
      job: {
        jobId: JOB_ID,
        queue: 'demo',
        jobSet: 'set',
        state: 'FAILED',
        lastChange: AT,
        exitCode: 3,
        reason: 'broke',
      },
      cancel: { user: 'ann', reason: 'enough', at: AT },
      spec: {
        owner: 'ben',
        podSpec: {
          containers: [
            {
              name: 'main',
              image: 'none',
              command: ['sh'],
              resources: { requests: { cpu: '1', memory: '1Gi' } },
            },
          ],
        },
      },
      runs: [
        {
          runId: 'second',
          state: 'RUN_STATE_FAILED',
          cluster: 'east',
          node: 'n1',
          pool: 'gpu',
          leased: AT,
          started: AT,
          finished: AT,
          exitCode: 3,
          error: 'broke\u001b[31m',
          ingressAddresses: { 80: 'a.example.com' },
        },
        { runId: 'first', state: 'RUNS_STATE_LEASE_RETURNED', cluster: 'east', node: 'n2', leased: AT },
      ],
    },
    { unknown: 'error' },
  ) as DescribeJobResponse;
  await using server = await startFakeServer({
    jobList: {
      describeJob: (call, callback) => {
        if (call.request.jobId === JOB_ID) callback(null, described);
        else callback(refusal(status.NOT_FOUND, `job ${call.request.jobId} does not exist`));
      },
    },
  });
  const describe = (id: string) => armadactl(['describe', 'job', id, '--armadaUrl', server.address]);
  const { exitCode, stdout } = await describe(JOB_ID.toUpperCase());
  assert.equal(exitCode, 0);
  const at = '2026-11-21T06:43:31Z';
  const told = [
    `Job:        ${JOB_ID}`,
    `State:      failed since ${at}`,
    'Reason:     broke',
    'Exit code:  3',
    'Owner:      ben',
    `Cancel:     asked for at ${at} by ann: enough`,
    '    requests:   cpu 1, memory 1Gi',
    '  second  failed, exit code 3',
    '    node:       n1 of cluster east, pool gpu',
    `    finished:   ${at}`,
    '    addresses:  port 80 at a.example.com',
    '  first  lease returned',
  ];
  const lines = stdout.split('\n');
  for (const line of told) assert.ok(lines.includes(line), `${line}\nis not in\n${stdout}`);
  assert.ok(!stdout.includes('\u001b'), 'text of others must not colour the terminal');
  assert.ok(lines.indexOf('  second  failed, exit code 3') < lines.indexOf('  first  lease returned'));

  assert.equal((await describe(LATER_ID)).exitCode, 3);
  assert.equal((await describe('nope')).exitCode, 2);
});
