import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { systemClock } from '@armada-ts/executor/clock';
import { nodesOf } from '@armada-ts/executor/nodes';
import {
  type HeldRun,
  LogNotFound,
  type Runtime,
  type RunState,
  hasEnded,
} from '@armada-ts/executor/runtime';
import { type Sample, sampleLease } from './lease.ts';
import { DirectoryLocked } from '@armada-ts/executor/process/lock';
import { type ProcessSettings, processRuntime } from '@armada-ts/executor/process/process-runtime';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let directory = '';
let runtime: Runtime;
let changes: HeldRun[] = [];

function settings(over: Partial<ProcessSettings> = {}): ProcessSettings {
  return {
    directory,
    nodes: nodesOf([
      { name: 'local', count: 1, resources: { cpu: '2' }, labels: {}, taints: [], pool: 'default' },
    ]),
    logMaxBytes: 1_000_000,
    endedKeptMs: 60_000,
    endedKeptMax: 100,
    environment: { PATH: process.env['PATH'], SECRET: 'hunter2', HOME: '/' },
    clock: systemClock,
    logger: silent,
    ...over,
  };
}

async function open(over: Partial<ProcessSettings> = {}): Promise<void> {
  runtime = await processRuntime(settings(over))((run) => changes.push(run));
}

beforeEach(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-process-'));
  changes = [];
  await open();
});

afterEach(async () => {
  for (const { runId } of runtime.held()) runtime.stop(runId);
  await until(() => [...runtime.held()].every(({ state }) => hasEnded(state)));
  await runtime.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); ) {
    assert.ok(Date.now() < end, 'it did not happen within 10 s');
    await sleep(5);
  }
}

async function eventually<Value>(look: () => Value | undefined): Promise<Value> {
  let found: Value | undefined;
  await until(() => (found = look()) !== undefined);
  return found!;
}

/** The process of this name whose output goes to a file in the directory. */
function processIn(files: string, name: string): number | undefined {
  return fs
    .readdirSync('/proc')
    .map(Number)
    .find((pid) => pid > 0 && isWriter(pid, name, files));
}

function isWriter(pid: number, name: string, files: string): boolean {
  try {
    const command = fs.readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
    return command === name && fs.readlinkSync(`/proc/${pid}/fd/1`).startsWith(files);
  } catch {
    return false;
  }
}

function stateOf(runId: string): RunState | undefined {
  return [...runtime.held()].find((run) => run.runId === runId)?.state;
}

async function end(lease: JobRunLease): Promise<RunState> {
  await until(() => hasEnded(stateOf(lease.jobRunId) ?? { phase: 'pending' }));
  return stateOf(lease.jobRunId)!;
}

async function run(script: string, sample: Sample = {}): Promise<{ state: RunState; log: string }> {
  const lease = sampleLease(script, sample);
  runtime.start(lease);
  const state = await end(lease);
  return { state, log: await logOf(lease).catch(() => '') };
}

async function logOf(lease: JobRunLease, container?: string, offset = 0, follow = false): Promise<string> {
  const request = { jobId: lease.job!.jobId, runId: lease.jobRunId, container, offset, follow };
  const parts: Uint8Array[] = [];
  for await (const part of runtime.log({ ...request, signal: AbortSignal.timeout(8_000) }))
    parts.push(part.data);
  return Buffer.concat(parts).toString();
}

/** The failure of a state that must be a podError. */
function podError(state: RunState) {
  assert.equal(state.phase, 'failed');
  assert.ok(state.phase === 'failed' && state.failure.kind === 'podError');
  return state.failure;
}

test('what runs are told and what they print is for the user of the executor alone', () => {
  for (const name of ['runs', 'ended']) {
    assert.equal(fs.statSync(path.join(directory, name)).mode & 0o777, 0o700, name);
  }
});

test('start() runs a command to success and tells each state once', async () => {
  const lease = sampleLease('echo out; echo err >&2; echo dev > /dev/stderr; pwd');
  runtime.start(lease);
  assert.equal(runtime.holds(lease.jobRunId), true);
  runtime.start(lease);
  assert.equal((await end(lease)).phase, 'succeeded');
  assert.deepEqual(
    changes.map(({ state }) => state.phase),
    ['pending', 'running', 'succeeded'],
  );
  assert.match(await logOf(lease), /^out\nerr\ndev\n.*\/work\n$/);
  const [held] = runtime.held();
  assert.equal(held?.node, 'local-0');
  assert.ok(held!.acceptedAtMs <= held!.startedAtMs!);
});

test('start() gives exit codes as Kubernetes shows them', async () => {
  const failure = podError((await run('exit 3')).state);
  assert.equal(failure.message, 'container "main" exited with code 3');
  assert.deepEqual(failure.containers, [
    { name: 'main', exitCode: 3, message: 'exited with code 3', reason: 'Error' },
  ]);
  assert.equal(podError((await run('kill -9 $$$$')).state).containers[0]?.exitCode, 137);
  assert.equal(podError((await run('kill -TERM $$$$')).state).containers[0]?.exitCode, 143);
});

test('start() says when a program is missing, not executable or not given', async () => {
  const program = (command: string[]) => run('', { spec: { containers: [{ name: 'main', command }] } });
  const missing = podError((await program(['no-such-program'])).state);
  assert.equal(missing.containers[0]?.exitCode, 127);
  assert.match(missing.message, /command "no-such-program" was not found in PATH/);
  const plain = podError((await program(['/etc/passwd'])).state);
  assert.equal(plain.containers[0]?.exitCode, 126);
  assert.match(plain.message, /command "\/etc\/passwd" is not executable/);
  assert.match(podError((await program([])).state).message, /pod_spec.containers\[0\] needs a command/);
  const odd = path.join(directory, 'a=b');
  fs.writeFileSync(odd, '#!/bin/sh\necho "$# $1"\n', { mode: 0o755 });
  assert.equal((await program([odd, 'x y'])).log, '1 x y\n');
});

test('start() fails a run whose paths the system does not even look up', async () => {
  const name = 'n'.repeat(300);
  const container = { name: 'main', image: 'unused', command: ['/bin/sh', '-c', 'exit 0'] };
  for (const odd of [{ command: [`/${name}`] }, { workingDir: `/${name}` }]) {
    const lease = sampleLease('', { spec: { containers: [{ ...container, ...odd }] } });
    runtime.start(lease);
    const state = await end(lease);
    assert.ok(state.phase === 'failed' && state.failure.kind === 'podError');
  }
});

test('start() gives the environment that was asked for and none of the executor', async () => {
  const spec = {
    containers: [
      {
        name: 'main',
        command: ['env'],
        env: [
          { name: 'A', value: '1 $(ARMADA_QUEUE)' },
          { name: 'B', value: '$(A) $$(A) $(NONE)' },
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'USER', value: 'me' },
        ],
      },
    ],
  };
  const { log } = await run('', { spec, jobId: '01abc' });
  const lines = log.trim().split('\n');
  for (const line of ['A=1 queue-a', 'B=1 queue-a $(A) $(NONE)', 'NODE=local-0', 'USER=me', 'HOME=/']) {
    assert.ok(lines.includes(line), `${line} is missing in ${log}`);
  }
  assert.ok(lines.includes('ARMADA_JOB_ID=01abc') && lines.includes('ARMADA_JOB_SET_ID=set-1'));
  assert.equal(log.includes('hunter2'), false);
});

test('start() starts in workingDir and fails when there is none', async () => {
  const at = (workingDir: string) =>
    run('', { spec: { containers: [{ name: 'main', command: ['pwd'], workingDir }] } });
  assert.equal((await at('/usr')).log, '/usr\n');
  assert.match(podError((await at('/no/such')).state).message, /workingDir "\/no\/such" is not a directory/);
});

test('start() runs init containers in order before the others', async () => {
  const container = (name: string, script: string) => ({ name, command: ['sh', '-c', script] });
  const spec = {
    initContainers: [container('i0', 'sleep 0.1; echo 0 >>order'), container('i1', 'echo 1 >>order')],
    containers: [container('a', 'echo a >>order; cat order'), container('b', 'exit 0')],
  };
  const { log, state } = await run('', { spec });
  assert.equal(state.phase, 'succeeded');
  assert.equal(log, '0\n1\na\n');
  const failing = { ...spec, initContainers: [container('i0', 'exit 9'), container('i1', 'touch ran')] };
  const failed = await run('', { spec: failing });
  assert.equal(podError(failed.state).message, 'container "i0" exited with code 9');
  assert.deepEqual(
    podError(failed.state).containers.map(({ name }) => name),
    ['i0'],
  );
  assert.equal([...runtime.held()].at(-1)?.startedAtMs, undefined);
});

test('start() ends the other containers when one fails', async () => {
  const spec = {
    containers: [
      { name: 'a', command: ['sleep', '60'] },
      { name: 'b', command: ['sh', '-c', 'sleep 0.1; exit 4'] },
    ],
  };
  const failure = podError((await run('', { spec })).state);
  assert.equal(failure.message, 'container "b" exited with code 4');
  assert.deepEqual(
    failure.containers.map(({ name, exitCode }) => [name, exitCode]),
    [
      ['a', 143],
      ['b', 4],
    ],
  );
});

test('stop() kills everything of a run that ignores SIGTERM, after its grace', async () => {
  // Told from the sleeps of other tests by what follows the point.
  const script = `trap "" TERM; sleep 300.${process.pid} & setsid sleep 301 & echo $! >away;
    timeout 302 sleep 302.${process.pid} & echo ready; wait; sleep 303.${process.pid}`;
  const lease = sampleLease(script);
  runtime.start(lease);
  for (let log = ''; !log.includes('ready'); log = await logOf(lease).catch(() => '')) await sleep(10);
  const before = Date.now();
  runtime.stop(lease.jobRunId);
  assert.equal(stateOf(lease.jobRunId)?.phase, 'running');
  assert.equal((await end(lease)).phase, 'stopped');
  assert.ok(Date.now() - before >= 900, 'it was killed before its grace was over');
  assert.doesNotMatch(
    commandLines(),
    new RegExp(`sleep 30[023]\\.${process.pid}`),
    'something of it is left',
  );
  process.kill(
    Number(fs.readFileSync(path.join(directory, 'runs', lease.jobRunId, 'work', 'away'), 'utf8')),
    'SIGKILL',
  );
});

test('stop() ends a polite run at once, and one that has not started without starting it', async () => {
  const lease = sampleLease('trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.02; done');
  runtime.start(lease);
  for (let log = ''; !log.includes('ready'); log = await logOf(lease).catch(() => '')) await sleep(10);
  const before = Date.now();
  runtime.stop(lease.jobRunId);
  assert.equal((await end(lease)).phase, 'stopped');
  assert.ok(Date.now() - before < 900);
  assert.match(await logOf(lease), /^ready\n[^]*bye\n$/);
  const late = sampleLease('echo ran');
  runtime.start(late);
  runtime.stop(late.jobRunId);
  assert.equal((await end(late)).phase, 'stopped');
  await assert.rejects(logOf(late), LogNotFound);
});

test('stop() with a failure makes the run fail with it', async () => {
  const lease = sampleLease('sleep 60');
  runtime.start(lease);
  await until(() => stateOf(lease.jobRunId)?.phase === 'running');
  runtime.stop(lease.jobRunId, 'no server could be reached');
  assert.equal(podError(await end(lease)).message, 'no server could be reached');
});

test('start() ends a run at its activeDeadlineSeconds', async () => {
  const failure = podError(
    (
      await run('', {
        spec: { containers: [{ name: 'main', command: ['sleep', '60'] }], activeDeadlineSeconds: 1n },
      })
    ).state,
  );
  assert.equal(failure.reason, 'DeadlineExceeded');
  assert.deepEqual(
    failure.containers.map(({ exitCode, reason }) => [exitCode, reason]),
    [[143, 'DeadlineExceeded']],
  );
});

test('a run ends with its command, whatever that leaves behind', async () => {
  const before = Date.now();
  const { state } = await run(`sleep 310.${process.pid} & echo done`);
  assert.equal(state.phase, 'succeeded');
  assert.ok(Date.now() - before < 2_000);
  assert.equal(commandLines().includes(`sleep 310.${process.pid}`), false);
});

test('the log has all that was said, however slowly it is written down', async () => {
  const lease = sampleLease('sleep 0.3; echo said; sleep 310 &');
  runtime.start(lease);
  const files = path.join(directory, 'runs', lease.jobRunId);
  const copier = await eventually(() => processIn(files, 'dd'));
  process.kill(copier, 'SIGSTOP');
  await eventually(() =>
    fs.readdirSync(files, { recursive: true }).find((name) => /\bexit$/.test(String(name))),
  );
  await sleep(300);
  process.kill(copier, 'SIGCONT');
  assert.equal((await end(lease)).phase, 'succeeded');
  assert.equal(await logOf(lease), 'said\n');
});

test('the log is cut at its limit without disturbing the job', async () => {
  await runtime.close();
  await open({ logMaxBytes: 100_000 });
  const lease = sampleLease('yes | head -c 5000000; echo end >&2; echo survived >mark');
  runtime.start(lease);
  assert.equal((await end(lease)).phase, 'succeeded');
  const log = await logOf(lease);
  assert.match(log.slice(-80), /\n\[log cut: it reached its limit of 100000 bytes\]\n$/);
  assert.ok(log.length >= 100_000 && log.length < 1_200_000, `${log.length} bytes`);
  assert.equal(
    fs.readFileSync(path.join(directory, 'runs', lease.jobRunId, 'work', 'mark'), 'utf8'),
    'survived\n',
  );
});

test('log() follows a run to its end, and starts where it is told', async () => {
  const lease = sampleLease('for i in 1 2 3; do echo $i; sleep 0.1; done');
  runtime.start(lease);
  assert.equal(await logOf(lease, undefined, 0, true), '1\n2\n3\n');
  assert.equal(await logOf(lease, 'main', 2), '2\n3\n');
  assert.equal(await logOf(lease, 'main', -2), '3\n');
  await assert.rejects(logOf(lease, 'other'), LogNotFound);
  await until(() => hasEnded(stateOf(lease.jobRunId)!));
  runtime.forget(lease.jobRunId);
  assert.equal(runtime.holds(lease.jobRunId), false);
  assert.equal(await logOf(lease), '1\n2\n3\n');
});

test('a forgotten run that is offered again gives its end again and does not run again', async () => {
  const lease = sampleLease('echo once');
  runtime.start(lease);
  const first = await end(lease);
  runtime.forget(lease.jobRunId);
  await runtime.close();
  await open();
  runtime.start(lease);
  assert.deepEqual(stateOf(lease.jobRunId), first);
  assert.equal(await logOf(lease), 'once\n');
});

test('a stopped run that is offered again is given back, for the server forgot that it stopped it', async () => {
  const lease = sampleLease('sleep 60');
  runtime.start(lease);
  runtime.stop(lease.jobRunId);
  assert.equal((await end(lease)).phase, 'stopped');
  runtime.forget(lease.jobRunId);
  runtime.start(lease);
  const state = await end(lease);
  assert.ok(state.phase === 'failed' && state.failure.kind === 'leaseReturned' && state.failure.runAttempted);
});

test('ended runs are removed beyond their number', async () => {
  await runtime.close();
  await open({ endedKeptMax: 2 });
  for (let i = 0; i < 4; i++) {
    const lease = sampleLease('true');
    runtime.start(lease);
    await end(lease);
    runtime.forget(lease.jobRunId);
  }
  await until(() => fs.readdirSync(path.join(directory, 'ended')).length === 2);
});

test('a data directory has one executor at a time', async () => {
  await assert.rejects(
    processRuntime(settings())(() => {}),
    DirectoryLocked,
  );
});

test('a run that cannot be kept goes back to the server', async () => {
  const lease = sampleLease('true', { runId: '../../escape' });
  runtime.start(lease);
  const state = stateOf('../../escape');
  assert.ok(state?.phase === 'failed' && state.failure.kind === 'leaseReturned');
  runtime.forget('../../escape');
  assert.equal(runtime.holds('../../escape'), false);
});

function commandLines(): string {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .join('\n');
}
