import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { startFakeServer } from '@armada-ts/client/testing/fake-server';
import { JOB_ID, serveQueues } from './testing/fake-armada.ts';
import { armadactl } from './testing/launch.ts';

/** Answers with nothing, and keeps what was asked. */
function recorder(asked: unknown[]) {
  return <Request>(method: string) =>
    (call: ServerUnaryCall<Request, object>, callback: sendUnaryData<object>) => {
      const { _unknownFields: _, ...fields } = call.request as Request & { _unknownFields?: unknown };
      asked.push([method, fields]);
      callback(null, {});
    };
}

test('operations on executors, nodes and queues send what Armada sends, all queues by name', async () => {
  const asked: unknown[] = [];
  const record = recorder(asked);
  await using server = await startFakeServer({
    queues: {
      ...serveQueues('demo', 'prod'),
      cancelOnQueue: record('cancelOnQueue'),
      preemptOnQueue: record('preemptOnQueue'),
    },
    executors: {
      cancelOnExecutor: record('cancelOnExecutor'),
      preemptOnExecutor: record('preemptOnExecutor'),
      upsertExecutorSettings: record('upsertExecutorSettings'),
      deleteExecutor: record('deleteExecutor'),
    },
    nodes: { cancelOnNode: record('cancelOnNode'), preemptOnNode: record('preemptOnNode') },
  });
  const environment = { ARMADAURL: server.address };
  for (const line of [
    'cancel executor east -a',
    'preempt on-executor east -p low,high -q prod --pools gpu',
    'cancel node n1 -e east -a',
    'preempt node n1 --executor east --priority-classes low --queues demo',
    'cancel queues demo prod -s queued,running -a --pools gpu',
    'preempt queue prod -p low',
    'cordon executor east broken',
    'uncordon executor east',
    'delete executor east',
  ]) {
    const { exitCode, stderr } = await armadactl(line.split(' '), { environment });
    assert.deepEqual([exitCode, stderr], [0, ''], line);
  }
  const all = { queues: ['demo', 'prod'], priorityClasses: [] };
  assert.deepEqual(asked, [
    ['cancelOnExecutor', { name: 'east', ...all, pools: [] }],
    [
      'preemptOnExecutor',
      { name: 'east', queues: ['prod'], priorityClasses: ['low', 'high'], pools: ['gpu'] },
    ],
    ['cancelOnNode', { name: 'n1', executor: 'east', ...all }],
    ['preemptOnNode', { name: 'n1', executor: 'east', queues: ['demo'], priorityClasses: ['low'] }],
    ['cancelOnQueue', { name: 'demo', priorityClasses: [], jobStates: [0, 2], pools: ['gpu'] }],
    ['cancelOnQueue', { name: 'prod', priorityClasses: [], jobStates: [0, 2], pools: ['gpu'] }],
    ['preemptOnQueue', { name: 'prod', priorityClasses: ['low'], pools: [] }],
    ['upsertExecutorSettings', { name: 'east', cordoned: true, cordonReason: 'broken' }],
    ['upsertExecutorSettings', { name: 'east', cordoned: false, cordonReason: '' }],
    ['deleteExecutor', { name: 'east' }],
  ]);
});

test('what cannot be taken back wants to be said in full, and nothing is sent before', async () => {
  await using server = await startFakeServer({ queues: serveQueues('demo') });
  const environment = { ARMADAURL: server.address };
  const cases: [string, number, RegExp][] = [
    ['cancel executor east', 2, /either --priority-classes NAMES or --all-priority-classes/],
    ['cancel executor east -a -p low', 2, /either --priority-classes/],
    ['cancel executor east -a -q dmeo', 3, /queue "dmeo" does not exist\n {2}did you mean "demo"\?/],
    ['cancel node n1 -a', 2, /required option '-e, --executor/],
    ['cancel queue demo -a', 2, /--job-states with queued/],
    [
      'cancel queue demo -a -s done',
      2,
      /--job-states must be among queued, pending, running, leased, got "done"/,
    ],
    ['cancel queue -a -s queued', 2, /say which queues/],
    ['cordon executor east', 2, /say why/],
    ['cordon queue', 2, /say which queues/],
  ];
  for (const [line, expected, pattern] of cases) {
    const { exitCode, stderr, stdout } = await armadactl(line.split(' '), { environment });
    assert.deepEqual([exitCode, stdout], [expected, ''], line);
    assert.match(stderr, pattern);
  }
});

test('preempt job takes ids alone, and the four words of Armada', async () => {
  const asked: unknown[] = [];
  await using server = await startFakeServer({
    submit: {
      preemptJobs: (call, callback) => {
        const { queue, jobSetId, jobIds, reason } = call.request;
        asked.push([queue, jobSetId, jobIds, reason]);
        callback(null, { preemptionResults: new Map([[JOB_ID, queue === 'gone' ? 'has ended' : '']]) });
      },
    },
  });
  const environment = { ARMADAURL: server.address };
  const armadas = await armadactl(['preempt', 'job', 'q', 's', JOB_ID, 'why'], { environment });
  assert.deepEqual([armadas.exitCode, armadas.stdout], [0, `Requested preemption of job ${JOB_ID}\n`]);
  const failed = await armadactl(['preempt', 'job', 'gone', 's', JOB_ID, '--reason', 'so'], { environment });
  assert.equal(failed.exitCode, 1);
  assert.match(failed.stderr, /has ended/);
  assert.deepEqual(asked, [
    ['q', 's', [JOB_ID], 'why'],
    ['gone', 's', [JOB_ID], 'so'],
  ]);
});
