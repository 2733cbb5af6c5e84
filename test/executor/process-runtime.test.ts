import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogNotFound, type RunState } from '@armada-ts/executor/runtime';
import { DirectoryLocked } from '@armada-ts/executor/process/lock';
import { processRuntime } from '@armada-ts/executor/process/process-runtime';
import { sampleLease } from './lease.ts';
import { until, useProcessWorld } from './process-world.ts';

const world = useProcessWorld();

/** The failure of a state that must be a podError. */
function podError(state: RunState) {
  assert.equal(state.phase, 'failed');
  assert.ok(state.phase === 'failed' && state.failure.kind === 'podError');
  return state.failure;
}

test('what runs are told and what they print is for the user of the executor alone', () => {
  for (const name of ['runs', 'ended']) {
    assert.equal(fs.statSync(path.join(world.directory, name)).mode & 0o777, 0o700, name);
  }
});

test('start() runs a command to success and tells each state once', async () => {
  const lease = sampleLease('echo out; echo err >&2; echo dev > /dev/stderr; pwd');
  world.runtime.start(lease);
  assert.equal(world.runtime.holds(lease.jobRunId), true);
  world.runtime.start(lease);
  assert.equal((await world.end(lease)).phase, 'succeeded');
  assert.deepEqual(
    world.changes.map(({ state }) => state.phase),
    ['pending', 'running', 'succeeded'],
  );
  assert.match(await world.logOf(lease), /^out\nerr\ndev\n.*\/work\n$/);
  const [held] = world.runtime.held();
  assert.equal(held?.node, 'local-0');
  assert.ok(held!.acceptedAtMs <= held!.startedAtMs!);
});

test('start() gives exit codes as Kubernetes shows them', async () => {
  const failure = podError((await world.run('exit 3')).state);
  assert.equal(failure.message, 'container "main" exited with code 3');
  assert.deepEqual(failure.containers, [
    { name: 'main', exitCode: 3, message: 'exited with code 3', reason: 'Error' },
  ]);
  assert.equal(podError((await world.run('kill -9 $$$$')).state).containers[0]?.exitCode, 137);
  assert.equal(podError((await world.run('kill -TERM $$$$')).state).containers[0]?.exitCode, 143);
});

test('start() says when a program is missing, not executable or not given', async () => {
  const program = (command: string[]) => world.run('', { spec: { containers: [{ name: 'main', command }] } });
  const missing = podError((await program(['no-such-program'])).state);
  assert.equal(missing.containers[0]?.exitCode, 127);
  assert.match(missing.message, /command "no-such-program" was not found in PATH/);
  const plain = podError((await program(['/etc/passwd'])).state);
  assert.equal(plain.containers[0]?.exitCode, 126);
  assert.match(plain.message, /command "\/etc\/passwd" is not executable/);
  assert.match(podError((await program([])).state).message, /pod_spec.containers\[0\] needs a command/);
  const odd = path.join(world.directory, 'a=b');
  fs.writeFileSync(odd, '#!/bin/sh\necho "$# $1"\n', { mode: 0o755 });
  assert.equal((await program([odd, 'x y'])).log, '1 x y\n');
});

test('start() fails a run whose paths the system does not even look up', async () => {
  const name = 'n'.repeat(300);
  const container = { name: 'main', image: 'unused', command: ['/bin/sh', '-c', 'exit 0'] };
  for (const odd of [{ command: [`/${name}`] }, { workingDir: `/${name}` }]) {
    const lease = sampleLease('', { spec: { containers: [{ ...container, ...odd }] } });
    world.runtime.start(lease);
    const state = await world.end(lease);
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
  const { log } = await world.run('', { spec, jobId: '01abc' });
  const lines = log.trim().split('\n');
  for (const line of ['A=1 queue-a', 'B=1 queue-a $(A) $(NONE)', 'NODE=local-0', 'USER=me', 'HOME=/']) {
    assert.ok(lines.includes(line), `${line} is missing in ${log}`);
  }
  assert.ok(lines.includes('ARMADA_JOB_ID=01abc') && lines.includes('ARMADA_JOB_SET_ID=set-1'));
  assert.equal(log.includes('hunter2'), false);
});

test('start() starts in workingDir and fails when there is none', async () => {
  const at = (workingDir: string) =>
    world.run('', { spec: { containers: [{ name: 'main', command: ['pwd'], workingDir }] } });
  assert.equal((await at('/usr')).log, '/usr\n');
  assert.match(podError((await at('/no/such')).state).message, /workingDir "\/no\/such" is not a directory/);
});

test('start() runs init containers in order before the others', async () => {
  const container = (name: string, script: string) => ({ name, command: ['sh', '-c', script] });
  const spec = {
    initContainers: [container('i0', 'sleep 0.1; echo 0 >>order'), container('i1', 'echo 1 >>order')],
    containers: [container('a', 'echo a >>order; cat order'), container('b', 'exit 0')],
  };
  const { log, state } = await world.run('', { spec });
  assert.equal(state.phase, 'succeeded');
  assert.equal(log, '0\n1\na\n');
  const failing = { ...spec, initContainers: [container('i0', 'exit 9'), container('i1', 'touch ran')] };
  const failed = await world.run('', { spec: failing });
  assert.equal(podError(failed.state).message, 'container "i0" exited with code 9');
  assert.deepEqual(
    podError(failed.state).containers.map(({ name }) => name),
    ['i0'],
  );
  assert.equal([...world.runtime.held()].at(-1)?.startedAtMs, undefined);
});

test('start() ends the other containers when one fails', async () => {
  const spec = {
    containers: [
      { name: 'a', command: ['sleep', '60'] },
      { name: 'b', command: ['sh', '-c', 'sleep 0.1; exit 4'] },
    ],
  };
  const failure = podError((await world.run('', { spec })).state);
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
  world.runtime.start(lease);
  for (let log = ''; !log.includes('ready'); log = await world.logOf(lease).catch(() => '')) await sleep(10);
  // What a command prints can be seen before it is heard that it was started.
  await until(() => world.stateOf(lease.jobRunId)?.phase === 'running');
  const before = Date.now();
  world.runtime.stop(lease.jobRunId);
  assert.equal(world.stateOf(lease.jobRunId)?.phase, 'running');
  assert.equal((await world.end(lease)).phase, 'stopped');
  assert.ok(Date.now() - before >= 900, 'it was killed before its grace was over');
  assert.doesNotMatch(
    commandLines(),
    new RegExp(`sleep 30[023]\\.${process.pid}`),
    'something of it is left',
  );
  process.kill(
    Number(fs.readFileSync(path.join(world.directory, 'runs', lease.jobRunId, 'work', 'away'), 'utf8')),
    'SIGKILL',
  );
});

test('stop() ends a polite run at once, and one that has not started without starting it', async () => {
  const lease = sampleLease('trap "echo bye; exit 0" TERM; echo ready; while :; do sleep 0.02; done');
  world.runtime.start(lease);
  for (let log = ''; !log.includes('ready'); log = await world.logOf(lease).catch(() => '')) await sleep(10);
  const before = Date.now();
  world.runtime.stop(lease.jobRunId);
  assert.equal((await world.end(lease)).phase, 'stopped');
  assert.ok(Date.now() - before < 900);
  assert.match(await world.logOf(lease), /^ready\n[^]*bye\n$/);
  const late = sampleLease('echo ran');
  world.runtime.start(late);
  world.runtime.stop(late.jobRunId);
  assert.equal((await world.end(late)).phase, 'stopped');
  await assert.rejects(world.logOf(late), LogNotFound);
});

test('stop() with a failure makes the run fail with it', async () => {
  const lease = sampleLease('sleep 60');
  world.runtime.start(lease);
  await until(() => world.stateOf(lease.jobRunId)?.phase === 'running');
  world.runtime.stop(lease.jobRunId, 'no server could be reached');
  assert.equal(podError(await world.end(lease)).message, 'no server could be reached');
});

test('start() ends a run at its activeDeadlineSeconds', async () => {
  const failure = podError(
    (
      await world.run('', {
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
  const { state } = await world.run(`sleep 310.${process.pid} & echo done`);
  assert.equal(state.phase, 'succeeded');
  assert.ok(Date.now() - before < 2_000);
  assert.equal(commandLines().includes(`sleep 310.${process.pid}`), false);
});

test('a forgotten run that is offered again gives its end again and does not run again', async () => {
  const lease = sampleLease('echo once');
  world.runtime.start(lease);
  const first = await world.end(lease);
  world.runtime.forget(lease.jobRunId);
  await world.runtime.close();
  await world.open();
  world.runtime.start(lease);
  assert.deepEqual(world.stateOf(lease.jobRunId), first);
  assert.equal(await world.logOf(lease), 'once\n');
});

test('a stopped run that is offered again is given back, for the server forgot that it stopped it', async () => {
  const lease = sampleLease('sleep 60');
  world.runtime.start(lease);
  world.runtime.stop(lease.jobRunId);
  assert.equal((await world.end(lease)).phase, 'stopped');
  world.runtime.forget(lease.jobRunId);
  world.runtime.start(lease);
  const state = await world.end(lease);
  assert.ok(state.phase === 'failed' && state.failure.kind === 'leaseReturned' && state.failure.runAttempted);
});

test('ended runs are removed beyond their number', async () => {
  await world.runtime.close();
  await world.open({ endedKeptMax: 2 });
  for (let i = 0; i < 4; i++) {
    const lease = sampleLease('true');
    world.runtime.start(lease);
    await world.end(lease);
    world.runtime.forget(lease.jobRunId);
  }
  await until(() => fs.readdirSync(path.join(world.directory, 'ended')).length === 2);
});

test('a data directory has one executor at a time', async () => {
  await assert.rejects(
    processRuntime(world.settings())(() => {}),
    DirectoryLocked,
  );
});

test('a run that cannot be kept goes back to the server', async () => {
  const lease = sampleLease('true', { runId: '../../escape' });
  world.runtime.start(lease);
  const state = world.stateOf('../../escape');
  assert.ok(state?.phase === 'failed' && state.failure.kind === 'leaseReturned');
  world.runtime.forget('../../escape');
  assert.equal(world.runtime.holds('../../escape'), false);
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
