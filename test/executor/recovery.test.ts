import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { systemClock } from '@armada-ts/executor/clock';
import { type Runtime, type RunState, hasEnded } from '@armada-ts/executor/runtime';
import { sampleLease } from './lease.ts';
import { processRuntime } from '@armada-ts/executor/process/process-runtime';
import { createRunDirectory } from '@armada-ts/executor/process/run-directory';
import { readBootId } from '@armada-ts/executor/process/session';
import { SHIM } from '@armada-ts/executor/process/shim';

const HOST = fileURLToPath(new URL('./process-host.ts', import.meta.url));
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-recovery-'));
  try {
    await work(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string): Promise<Runtime> {
  const limits = { logMaxBytes: 100_000, endedKeptMs: 60_000, endedKeptMax: 100 };
  return processRuntime({
    directory,
    nodes: [],
    ...limits,
    environment: process.env,
    clock: systemClock,
    logger,
  })(() => {});
}

async function endOf(runtime: Runtime, runId: string): Promise<RunState> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(5)) {
    const run = [...runtime.held()].find((one) => one.runId === runId);
    if (run !== undefined && hasEnded(run.state)) return run.state;
  }
  throw new assert.AssertionError({ message: 'the run did not end within 10 s' });
}

function exitCodeOf(state: RunState): number | undefined {
  if (state.phase === 'succeeded') return 0;
  return state.phase === 'failed' && state.failure.kind === 'podError'
    ? state.failure.containers[0]?.exitCode
    : undefined;
}

test('a runtime that is killed again and again loses no run and runs none twice', async () => {
  await inDirectory(async (directory) => {
    const marks = path.join(directory, 'marks');
    const leases = Array.from({ length: 12 }, (_, i) => {
      const script = `echo start ${i} >>${marks}; sleep 0.${i % 5}; echo end ${i} >>${marks}; exit ${i % 3}`;
      return sampleLease(script);
    });
    const file = path.join(directory, 'leases');
    fs.writeFileSync(
      file,
      JSON.stringify(
        leases.map((lease) => Buffer.from(JobRunLease.encode(lease).finish()).toString('base64')),
      ),
    );
    const data = path.join(directory, 'data');
    let output = '';
    let kills = 0;
    // Early kills fall into the acceptance of runs, later ones into their ends.
    for (const livesMs of [120, 135, 150, 165, 180, 200, 230, 270, 330, 400, 10_000]) {
      output = '';
      const host: ChildProcess = spawn(process.execPath, ['--conditions=source', HOST, data, file], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      host.stdout?.on('data', (text: Buffer) => (output += text.toString()));
      const killer = setTimeout(() => host.kill('SIGKILL'), livesMs);
      const [, signal] = await once(host, 'close');
      clearTimeout(killer);
      if (signal === null) break;
      kills++;
    }
    assert.ok(kills > 3, `the host was killed ${kills} times only`);
    const ends: { runId: string; state: RunState }[] = JSON.parse(output);
    const codes = new Map(ends.map(({ runId, state }) => [runId, exitCodeOf(state)]));
    leases.forEach(({ jobRunId }, i) => assert.equal(codes.get(jobRunId), i % 3, `run ${i}`));
    const expected = leases.flatMap((_, i) => [`end ${i}`, `start ${i}`]);
    const written = fs.readFileSync(marks, 'utf8').trim().split('\n');
    assert.deepEqual(written.toSorted(), expected.toSorted());
  });
});

test('a run whose processes were killed behind the back of the executor fails', async () => {
  await inDirectory(async (directory) => {
    let runtime = await open(directory);
    const [here, away] = [sampleLease('sleep 320'), sampleLease('sleep 321')];
    const shimOf = (runId: string) =>
      Number(fs.readFileSync(path.join(directory, 'runs', runId, 'c0', 'pid'), 'utf8').split(' ')[0]);
    for (const lease of [here, away]) {
      runtime.start(lease);
      while (!fs.existsSync(path.join(directory, 'runs', lease.jobRunId, 'c0', 'pid'))) await sleep(5);
    }
    process.kill(shimOf(here.jobRunId), 'SIGKILL');
    const state = await endOf(runtime, here.jobRunId);
    assert.ok(state.phase === 'failed' && /killed from outside/.test(state.failure.message));
    await runtime.close();
    process.kill(-shimOf(away.jobRunId), 'SIGKILL');
    runtime = await open(directory);
    assert.equal((await endOf(runtime, away.jobRunId)).phase, 'failed');
    await runtime.close();
  });
});

test('a run is ended across restarts: the grace it was given goes on', async () => {
  await inDirectory(async (directory) => {
    let runtime = await open(directory);
    const lease = sampleLease('trap "" TERM; echo ready; sleep 330; sleep 331');
    runtime.start(lease);
    while (!fs.existsSync(path.join(directory, 'runs', lease.jobRunId, 'c0', 'pid'))) await sleep(5);
    await sleep(50);
    const stoppedAtMs = Date.now();
    runtime.stop(lease.jobRunId);
    await runtime.close();
    runtime = await open(directory);
    assert.equal((await endOf(runtime, lease.jobRunId)).phase, 'stopped');
    const tookMs = Date.now() - stoppedAtMs;
    assert.ok(tookMs >= 900 && tookMs < 3_000, `${tookMs} ms`);
    await runtime.close();
  });
});

test('runs of an earlier start of the machine go back to the server, at-most-once runs fail', async () => {
  await inDirectory(async (directory) => {
    await (await open(directory)).close();
    const usual = sampleLease('echo ran');
    const once_ = sampleLease('echo ran', { annotations: { 'armadaproject.io/atMostOnce': 'true' } });
    const exited = sampleLease('echo ran');
    for (const lease of [usual, once_, exited]) {
      const run = path.join(directory, 'runs', lease.jobRunId);
      createRunDirectory({ directory: run, lease, acceptedAtMs: 1, bootId: 'an-earlier-boot' }, false);
      fs.mkdirSync(path.join(run, 'c0'));
      fs.writeFileSync(path.join(run, 'c0', 'started'), '');
      fs.writeFileSync(path.join(run, 'c0', 'pid'), `${process.pid} 1 an-earlier-boot 2 end\n`);
    }
    fs.writeFileSync(path.join(directory, 'runs', exited.jobRunId, 'c0', 'exit'), '7\n');
    const runtime = await open(directory);
    const back = await endOf(runtime, usual.jobRunId);
    assert.ok(back.phase === 'failed' && back.failure.kind === 'leaseReturned' && back.failure.runAttempted);
    const lost = await endOf(runtime, once_.jobRunId);
    assert.ok(lost.phase === 'failed' && lost.failure.kind === 'podError');
    assert.equal(exitCodeOf(await endOf(runtime, exited.jobRunId)), 7);
    await runtime.close();
  });
});

test('what a power failure emptied is no evidence of an end, and hides no other run', async () => {
  await inDirectory(async (directory) => {
    await (await open(directory)).close();
    const damaged = ['accepted', 'lease', 'outcome', 'ending', 'c0/exit', 'c0/pid'].map((file) => {
      const lease = sampleLease('echo ran');
      const run = path.join(directory, 'runs', lease.jobRunId);
      createRunDirectory({ directory: run, lease, acceptedAtMs: 1, bootId: 'an-earlier-boot' }, false);
      fs.mkdirSync(path.join(run, 'c0'));
      fs.writeFileSync(path.join(run, 'c0', 'started'), '');
      fs.writeFileSync(path.join(run, file), '');
      return { lease, file };
    });
    const runtime = await open(directory);
    for (const { lease, file } of damaged) {
      if (!runtime.holds(lease.jobRunId)) {
        assert.match(file, /accepted|lease/, 'without these nobody knows what the run was');
        runtime.start(lease);
      }
      const state = await endOf(runtime, lease.jobRunId);
      assert.ok(state.phase === 'failed' && state.failure.kind === 'leaseReturned', file);
    }
    assert.equal([...runtime.held()].length, damaged.length);
    await runtime.close();
  });
});

test('a container that was marked as started and never got a process is given up, and its late shim quits', async () => {
  await inDirectory(async (directory) => {
    await (await open(directory)).close();
    const lease = sampleLease('true');
    const run = path.join(directory, 'runs', lease.jobRunId);
    createRunDirectory({ directory: run, lease, acceptedAtMs: Date.now(), bootId: readBootId() }, true);
    fs.mkdirSync(path.join(run, 'c0'));
    fs.writeFileSync(path.join(run, 'c0', 'started'), '');
    const runtime = await open(directory);
    const state = await endOf(runtime, lease.jobRunId);
    assert.ok(state.phase === 'failed' && state.failure.kind === 'leaseReturned', 'it never ran');
    assert.equal(state.failure.runAttempted, false);
    await runtime.close();
    fs.rmSync(path.join(run, 'c0', 'started'));
    const mark = path.join(directory, 'mark');
    const shim = spawn('/bin/sh', ['-c', SHIM, 'shim', path.join(run, 'c0'), '1000', 'touch', mark], {
      stdio: 'ignore',
    });
    await once(shim, 'close');
    assert.equal(fs.existsSync(mark), false);
  });
});

test('the room for an exit code is taken before the command begins', async () => {
  await inDirectory(async (directory) => {
    const runtime = await open(directory);
    const lease = sampleLease(`until [ -e ${directory}/go ]; do sleep 0.02; done; exit 9`);
    runtime.start(lease);
    const container = path.join(directory, 'runs', lease.jobRunId, 'c0');
    while (!fs.existsSync(path.join(container, 'pid'))) await sleep(5);
    const { ino, size } = fs.statSync(path.join(container, 'exit.new'));
    fs.writeFileSync(path.join(directory, 'go'), '');
    assert.equal(exitCodeOf(await endOf(runtime, lease.jobRunId)), 9);
    const after = fs.statSync(path.join(container, 'exit'));
    assert.deepEqual(
      [after.ino, after.size],
      [ino, size],
      'nothing is asked of a disk that may be full by now',
    );
    await runtime.close();
  });
});
