import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Metadata, status } from '@grpc/grpc-js';
import { Queue } from '@armada-ts/api/api/queue';
import { GetServerInfoResponse } from '@armada-ts/api/armada/server/v1/info';
import { refusal, startFakeServer } from '@armada-ts/client/testing/fake-server';
import { JOB_ID, serveQueues } from './testing/fake-armada.ts';
import { armadactl, temporaryDirectory } from './testing/launch.ts';

test('version names the package and the runtime, and needs no server', async () => {
  const { exitCode, stdout, stderr } = await armadactl(['version']);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^armadactl \d+\.\d+\.\d+ \(Node 2[4-9]\.\d+\.\d+\)\n$/);
  assert.equal(stderr, '');
});

test('version --server tells what an answered submit survives, who serves, and what is unusual', async () => {
  const told = {
    name: 'a',
    version: '1.2.3',
    store: 'redis redis-1:6379',
    acknowledgement: 'replicated',
    notices: ['Redis has lost data'],
    servers: [{ name: 'a', version: '1.2.3', address: 'a:50051', leads: true }],
  };
  await using server = await startFakeServer({
    serverInfo: { getServerInfo: (_, answer) => answer(null, GetServerInfoResponse.fromPartial(told)) },
  });
  const { exitCode, stdout } = await armadactl(['--armadaUrl', server.address, 'version', '--server']);
  assert.equal(exitCode, 0);
  const [, ...lines] = stdout.trimEnd().split('\n');
  assert.deepEqual(lines, [
    'server a 1.2.3',
    'store redis redis-1:6379',
    'acknowledgement replicated: an answered submit survives the loss of any one machine that holds data',
    'alive a 1.2.3 at a:50051, leads',
    'note: Redis has lost data',
  ]);
  const json = await armadactl(['--armadaUrl', server.address, 'version', '--server', '-o', 'json']);
  assert.equal(JSON.parse(json.stdout).server.acknowledgement, 'replicated');
});

test('a server that does not go with it says so once, beside the output', async () => {
  await using server = await startFakeServer({
    queues: {
      getQueue: (call, answer) => {
        const headers = new Metadata();
        headers.set('armada-version-notice', 'this client is too old: update it');
        call.sendMetadata(headers);
        answer(null, Queue.fromPartial({ name: call.request.name, priorityFactor: 1 }));
      },
    },
  });
  const { exitCode, stdout, stderr } = await armadactl([
    '--armadaUrl',
    server.address,
    'get',
    'queue',
    'demo',
    '-o',
    'json',
  ]);
  assert.equal(exitCode, 0);
  assert.equal(JSON.parse(stdout).name, 'demo');
  assert.equal(stderr, 'note: this client is too old: update it\n');
});

test('output that cannot be written ends with 1 and says so', () => {
  const full = openSync('/dev/full', 'w');
  const { status: exitCode, stderr } = spawnSync(
    fileURLToPath(new URL('bin/armadactl', import.meta.url)),
    ['version'],
    {
      stdio: ['ignore', full, 'pipe'],
      env: { PATH: process.env['PATH'], HOME: temporaryDirectory() },
      encoding: 'utf8',
    },
  );
  closeSync(full);
  assert.equal(exitCode, 1);
  assert.match(stderr, /^error: cannot write the output: ENOSPC.*\n$/);
});

test('the launcher starts a command that needs no server within 200 ms of a core', () => {
  // By the clock it depends on what else the machine does. The first fills the compile cache.
  const home = temporaryDirectory();
  const taken = Array.from({ length: 4 }, () => coreMsOf(['version'], home));
  assert.ok(Math.min(...taken) < 200, `${taken.join(', ')} ms`);
});

/** How much of a core the launcher takes, with all that it starts. */
function coreMsOf(args: readonly string[], home: string): number {
  const launcher = fileURLToPath(new URL('bin/armadactl', import.meta.url));
  const { stdout } = spawnSync('sh', ['-c', '"$@" >&2; times', 'sh', launcher, ...args], {
    env: { PATH: process.env['PATH'], HOME: home },
    encoding: 'utf8',
  });
  // The second line is about what the shell has started: user and system time, as in 0m0.04s.
  const [, ofChildren = ''] = stdout.split('\n');
  const times = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)];
  assert.equal(times.length, 2, stdout);
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
}

test('a wrong command line ends with 2 and says what is wrong', async () => {
  const cases: [string[], RegExp][] = [
    [['submti', 'x'], /unknown command 'submti'\s+\(Did you mean submit\?\)/],
    [['get', 'quues'], /unknown command 'quues'\s+did you mean `armadactl get queues`\?/],
    [['cancel', 'jbo', 'x'], /unknown command 'jbo'\s+did you mean `armadactl cancel job`\?/],
    [['reprioritize', 'zzzzz', 'x'], /unknown command 'zzzzz'\s+`armadactl reprioritize --help` lists/],
    [['create', 'queue'], /missing required argument 'name'/],
    [['create', 'queue', 'a', '--priority-factor', '0.5'], /1 or more/],
    [['cancel', 'job-set', 'q', 's', '--state', 'pending'], /--state must be queued, running or both/],
    [['cancel', 'job', 'nope'], /"nope" is not a job id/],
    [['cancel'], /say what to cancel/],
    [['reprioritize', 'job', JOB_ID, 'soon'], /0 or more/],
    [['--context', 'x', 'get', 'queues'], /there is no context "x"/],
    [['logs', 'nope'], /"nope" is not a job id/],
    [['run'], /missing required argument 'command'/],
  ];
  for (const [args, expected] of cases) {
    const { exitCode, stderr, stdout } = await armadactl(args);
    assert.equal(exitCode, 2, args.join(' '));
    assert.match(stderr, expected);
    assert.equal(stdout, '');
  }
});

test('help is given by word as well as by option, also within groups', async () => {
  for (const [asked, expected] of [
    [['help', 'cancel'], /^Usage: armadactl cancel [^]*Commands:/],
    [['cancel', 'help'], /^Usage: armadactl cancel [^]*Commands:/],
    [['cancel', 'help', 'job'], /^Usage: armadactl cancel job \[options\] <id\.\.\.>/],
    [['reprioritize', 'help'], /^Usage: armadactl reprioritize/],
  ] as const) {
    const { exitCode, stdout, stderr } = await armadactl(asked);
    assert.deepEqual([exitCode, stderr], [0, ''], asked.join(' '));
    assert.match(stdout, expected);
  }
});

test('a server that is not there ends with 5 and how to start it', async () => {
  const gone = await startFakeServer({ queues: serveQueues() });
  await gone.stop();
  const { exitCode, stderr } = await armadactl(['get', 'queues'], {
    environment: { ARMADAURL: gone.address },
  });
  assert.equal(exitCode, 5);
  assert.match(
    stderr,
    /^error: cannot reach 127\.0\.0\.1:\d+: connect ECONNREFUSED .*\n  is the server running\? start it with `npm start`\n$/,
  );
});

test('create queue sends what the flags say, in the forms of both generations', async () => {
  const created: Queue[] = [];
  await using server = await startFakeServer({
    queues: {
      createQueue: (call, callback) => {
        created.push(call.request);
        callback(null, {});
      },
    },
  });
  const url = `--armadaUrl=${server.address}`;
  const modern = [
    'create',
    'queue',
    'demo',
    '--priority-factor',
    '2',
    '--owners',
    'anna,ben',
    '--owners',
    'cleo',
  ];
  const done = await armadactl([
    ...modern,
    '--group-owners',
    'red',
    '--labels',
    'a=b=c,d=e',
    '--cordon',
    url,
  ]);
  assert.deepEqual([done.exitCode, done.stdout, done.stderr], [0, 'Created queue demo\n', '']);
  await armadactl(['create-queue', 'old', '--priorityFactor', '3', '--groupOwners', 'blue', url]);
  const file = 'kind: Queue\nname: filed\npriorityFactor: 4\n';
  await armadactl(['create', '-f', '-', url], { input: file });
  assert.deepEqual(
    created.map(({ name, priorityFactor, userOwners, groupOwners, cordoned, labels }) => [
      name,
      priorityFactor,
      userOwners.join(),
      groupOwners.join(),
      cordoned,
      [...labels].join(';'),
    ]),
    [
      ['demo', 2, 'anna,ben,cleo', 'red', true, 'a,b=c;d,e'],
      ['old', 3, '', 'blue', false, ''],
      ['filed', 4, '', '', false, ''],
    ],
  );
});

test('get queues prints documents that create -f reads, and get queue of a typo suggests names', async () => {
  await using server = await startFakeServer({ queues: serveQueues('demo', 'prod') });
  const environment = { ARMADAURL: server.address };
  const all = await armadactl(['get', 'queues'], { environment });
  assert.equal(all.exitCode, 0);
  assert.match(all.stdout, /name: demo\n[^]*---\napiVersion: .*\nkind: Queue\nname: prod\n/);
  const some = await armadactl(['get', 'queues', 'prod', 'pord'], { environment });
  assert.equal(some.exitCode, 3);
  assert.doesNotMatch(some.stdout, /demo/);
  const create = 'create it with `armadactl create queue dmeo`';
  const list = '`armadactl get queues -o name` lists those that exist';
  for (const [args, remedy] of [
    [['get', 'queue', 'dmeo'], create],
    [['update', 'queue', 'dmeo', '--cordon'], create],
    [['delete', 'queue', 'dmeo'], list],
    [['delete-queue', 'dmeo'], list],
  ] as const) {
    const { exitCode, stderr } = await armadactl(args, { environment });
    assert.equal(exitCode, 3);
    assert.equal(stderr, `error: queue "dmeo" does not exist\n  did you mean "demo"?\n  ${remedy}\n`);
  }
});

test('refusals end with the code of their kind and never with a usage text', async () => {
  const codes: [status, number][] = [
    [status.ALREADY_EXISTS, 1],
    [status.PERMISSION_DENIED, 4],
    [status.UNAUTHENTICATED, 4],
    [status.UNAVAILABLE, 5],
    [status.DEADLINE_EXCEEDED, 6],
  ];
  for (const [code, exitCode] of codes) {
    await using server = await startFakeServer({
      queues: { createQueue: (_, callback) => callback(refusal(code, 'the server says no')) },
    });
    const environment = { ARMADAURL: server.address };
    const refused = await armadactl(['create', 'queue', 'demo'], { environment });
    assert.equal(refused.exitCode, exitCode, status[code]);
    assert.match(refused.stderr, /^error: the server says no\n/);
    assert.doesNotMatch(refused.stderr, /usage|at .*\.ts/i);
  }
});

test('cancel and reprioritize take a job id alone, or with queue and job set', async () => {
  const cancelled: unknown[] = [];
  const moved: unknown[] = [];
  await using server = await startFakeServer({
    submit: {
      cancelJobs: (call, callback) => {
        const { queue, jobSetId, jobIds, reason } = call.request;
        cancelled.push([queue, jobSetId, jobIds.length, reason]);
        callback(null, { cancelledIds: queue === 'gone' ? [] : jobIds });
      },
      reprioritizeJobs: (call, callback) => {
        const { queue, jobSetId, jobIds, newPriority } = call.request;
        moved.push([queue, jobSetId, jobIds.length, newPriority]);
        const failed = queue === 'gone' ? 'job has ended' : '';
        callback(null, { reprioritizationResults: new Map([[JOB_ID, failed]]) });
      },
    },
  });
  const environment = { ARMADAURL: server.address };
  const codes: (number | null)[] = [];
  for (const args of [
    ['cancel', 'job', JOB_ID],
    ['cancel', 'job', 'q', 's', JOB_ID, '--reason', 'why'],
    ['cancel', '--jobId', JOB_ID.toUpperCase()],
    ['cancel', 'job', 'gone', 's', JOB_ID],
    ['reprioritize', 'job', JOB_ID, '5'],
    ['reprioritize', 'job', 'q', 's', JOB_ID, '0.5'],
    ['reprioritize', 'job-set', 'q', 's', '2'],
    ['reprioritize', 'job', 'gone', 's', JOB_ID, '1'],
  ]) {
    codes.push((await armadactl(args, { environment })).exitCode);
  }
  assert.deepEqual(codes, [0, 0, 0, 1, 0, 0, 0, 1]);
  assert.deepEqual(cancelled, [
    ['', '', 1, ''],
    ['q', 's', 1, 'why'],
    ['', '', 1, ''],
    ['gone', 's', 1, ''],
  ]);
  assert.deepEqual(moved, [
    ['', '', 1, 5],
    ['q', 's', 1, 0.5],
    ['q', 's', 0, 2],
    ['gone', 's', 1, 1],
  ]);
});
