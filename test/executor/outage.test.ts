// Executors and servers that come and go: what is reported when there is one
// again, who is talked to, and what a silence means.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import type { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import { createRunDirectory, writeOutcome } from '@armada-ts/executor/process/run-directory';
import { readBootId } from '@armada-ts/executor/process/session';
import { sampleLease } from './lease.ts';
import { busyFor, type SampleServer, startSampleServer } from './server.ts';

const LAUNCHER = fileURLToPath(new URL('../../executor/bin/armada-executor', import.meta.url));

interface Executor {
  process: ChildProcess;
  lines: string[];
  kill(): Promise<void>;
}

function directoryFor(t: TestContext): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-outage-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

function launch(
  t: TestContext,
  directory: string,
  servers: string,
  settings: NodeJS.ProcessEnv = {},
): Executor {
  const args = ['--server', servers, '--executor-id', 'e', '--data', directory];
  const child = spawn(LAUNCHER, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ARMADA_EXECUTOR_LEASE_HEARTBEATMS: '500', ...settings },
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  t.after(kill);
  return { process: child, lines, kill };
}

async function sampleServer(t: TestContext, port = 0): Promise<SampleServer> {
  const server = await startSampleServer(port);
  t.after(() => server.kill());
  return server;
}

async function until(isSo: () => boolean, withinMs = 15_000): Promise<void> {
  for (const end = Date.now() + withinMs; !isSo(); ) {
    assert.ok(Date.now() < end, `it did not happen within ${withinMs} ms`);
    await sleep(5);
  }
}

/** Runs that an earlier executor left behind: they ended while no server could be reached. */
function plantEndedRuns(directory: string, count: number): string[] {
  fs.mkdirSync(path.join(directory, 'runs'));
  const bootId = readBootId();
  return Array.from({ length: count }, () => {
    const lease = sampleLease('exit 0');
    const run = path.join(directory, 'runs', lease.jobRunId);
    createRunDirectory({ directory: run, lease, acceptedAtMs: 1_000, bootId }, false);
    writeOutcome(run, { startedAtMs: 2_000, state: { phase: 'succeeded', finishedAtMs: 3_000 } });
    return lease.jobRunId;
  });
}

/** Kinds of what was told of each run, without repeats of the same. */
function toldOf(events: readonly EventSequence_Event[]): Map<string, string[]> {
  const told = new Map<string, string[]>();
  for (const { event } of events) {
    if (event === undefined || !('runId' in event.value)) continue;
    const kinds = told.get(event.value.runId) ?? [];
    if (!kinds.includes(event.$case)) kinds.push(event.$case);
    told.set(event.value.runId, kinds);
  }
  return told;
}

// All at a time: they wait more than they work.
describe('an executor and servers that come and go', { concurrency: true }, () => {
  test('2,100 reports outlast an outage in which the executor is killed, a busy server, and another kill', async (t) => {
    const directory = directoryFor(t);
    const gone = await startSampleServer();
    gone.kill();
    const servers = `127.0.0.1:1,${gone.address}`;
    const runIds = plantEndedRuns(directory, 700);
    const first = launch(t, directory, servers);
    await until(() => first.lines.some((line) => line.includes('no server can be reached')));
    await first.kill();

    const second = launch(t, directory, servers);
    const server = await sampleServer(t, gone.port);
    const calls: { atMs: number; events: number }[] = [];
    server.refuseReports = (list) => {
      calls.push({
        atMs: performance.now(),
        events: list.events.reduce((sum, { events }) => sum + events.length, 0),
      });
      return calls.length <= 2 ? busyFor(400) : undefined;
    };
    await until(() => calls.length >= 4);
    await second.kill();
    const pausesMs = calls.slice(1, 3).map(({ atMs }, index) => atMs - (calls[index]?.atMs ?? 0));
    assert.ok(
      pausesMs.every((ms) => ms >= 390),
      `a busy server gets the time it asks for: ${pausesMs.join(', ')} ms`,
    );
    assert.ok(
      calls.every(({ events }) => events <= 1_000),
      'no call is larger than a server can take',
    );
    assert.ok(server.events.length < 2_100, 'it was killed in the middle');

    launch(t, directory, servers);
    const expected = ['jobRunAssigned', 'jobRunRunning', 'jobRunSucceeded'];
    await until(() => {
      const told = toldOf(server.events);
      return runIds.every((runId) => told.get(runId)?.length === expected.length);
    });
    for (const [runId, kinds] of toldOf(server.events)) assert.deepEqual(kinds, expected, runId);
    await until(() => fs.readdirSync(path.join(directory, 'runs')).length === 0);
  });

  test('the executor goes on with the next server when one is killed, and when one only takes connections', async (t) => {
    const directory = directoryFor(t);
    const [one, two] = [await sampleServer(t), await sampleServer(t)];
    launch(t, directory, `${one.address},${two.address}`);
    await until(() => one.requests.length > 0);
    assert.equal(two.requests.length, 0);
    one.kill();
    const killedMs = performance.now();
    await until(() => two.requests.length > 0);
    const tookMs = performance.now() - killedMs;
    t.diagnostic(`leasing from the next server ${tookMs.toFixed()} ms after the kill`);
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
    const lease = sampleLease('exit 0');
    two.lease(lease);
    await until(() => two.events.length === 3);
    two.refuseLeases = status.UNAVAILABLE;
    const again = await sampleServer(t, one.port);
    two.kill();
    await until(() => again.requests.length > 0);
  });

  test('a server that takes requests and answers none is left for another, one that is busy is not', async (t) => {
    const directory = directoryFor(t);
    const [one, two] = [await sampleServer(t), await sampleServer(t)];
    const executor = launch(t, directory, `${one.address},${two.address}`);
    one.refuseLeases = busyFor(700);
    await until(() => executor.lines.some((line) => line.includes('busy')));
    const refusedMs = performance.now();
    one.refuseLeases = undefined;
    await until(() => one.requests.length > 0);
    const waitedMs = performance.now() - refusedMs;
    assert.ok(waitedMs >= 500 && waitedMs < 2_000, `it comes back when it was told to: ${waitedMs} ms`);
    one.isSlow = true;
    await until(() => two.requests.length > 0, 16_000);
  });

  test('a silence goes on when the executor is started anew in it', async (t) => {
    const directory = directoryFor(t);
    const settings = { ARMADA_EXECUTOR_LEASE_SILENCELIMITMS: '6000' };
    const server = await sampleServer(t);
    let executor = launch(t, directory, server.address, settings);
    await until(() => server.requests.length > 0);
    const lease = sampleLease(`echo started >${directory}/started; sleep 60`, {
      annotations: { 'armadaproject.io/atMostOnce': 'true' },
    });
    server.lease(lease);
    await until(() => fs.existsSync(path.join(directory, 'started')));
    server.kill();
    const outcome = path.join(directory, 'runs', lease.jobRunId, 'outcome');
    await sleep(4_000);
    assert.ok(!fs.existsSync(outcome), 'it goes on before the limit');
    await executor.kill();
    executor = launch(t, directory, server.address, settings);
    await until(() => executor.lines.some((line) => line.includes('executor started')));
    const startedMs = performance.now();
    await until(() => fs.existsSync(outcome));
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 4_500, `stopped ${tookMs} ms after the start, which began no new silence`);
    assert.match(fs.readFileSync(outcome, 'utf8'), /no server could be reached/);
  });
});
