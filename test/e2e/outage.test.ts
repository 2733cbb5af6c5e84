// Jobs that all end while no server can be reached, under an executor that is
// killed in the meantime: each end is told once, by whoever is there then.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createQueue, submitJobs, watchJobSet } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { freePort } from '../free-port.ts';
import { jobItem } from './items.ts';
import { type Program, type Standalone, startProgram, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
/** Each is reported as assigned, running and succeeded; the last of these in the outage at least. */
const JOBS = IS_LONG ? 2_000 : 200;
/** Kept up after everything has ended. */
const OUTAGE_MS = IS_LONG ? 180_000 : 1_000;
const SET = { queue: 'demo', jobSetId: 'outage' };

async function until(isSo: () => boolean, withinMs: number, what: () => string): Promise<void> {
  for (const end = Date.now() + withinMs; !isSo(); await sleep(50)) {
    assert.ok(Date.now() < end, `${what()} after ${withinMs} ms`);
  }
}

/** Commands that write a line when they start, and end when this process lets go of the pipe. */
function blockedJobs(directory: string): { command: string[]; starts: () => string[]; release: () => void } {
  const pipe = join(directory, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const held = openSync(pipe, 'r+');
  const starts = join(directory, 'starts');
  return {
    command: ['sh', '-c', `echo $ARMADA_JOB_ID >>${starts}; exec cat <${pipe}`],
    starts: () => (existsSync(starts) ? readFileSync(starts, 'utf8').trim().split('\n') : []),
    release: () => closeSync(held),
  };
}

test('what ends while no server can be reached is told when there is one again, once', async (t) => {
  const directory = await temporaryDirectory(t);
  const ports = [await freePort(), await freePort()];
  const address = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const startOn = async (port: number | undefined): Promise<Standalone> => {
    const server = await startServer(directory, { auth: standaloneAuth, grpc: { port: port ?? 0 } });
    t.after(() => server.kill('SIGKILL'));
    return server;
  };
  const startExecutor = (): Program => {
    const args = ['--server', address, '--executor-id', 'apart', '--data', join(directory, 'executor')];
    const ARMADA_EXECUTOR_NODES = '{ count: 4, cpu: 64, memory: 256Gi, ephemeralStorage: 100Ti }';
    const program = startProgram('executor/main.ts', args, { ARMADA_EXECUTOR_NODES });
    t.after(() => program.kill('SIGKILL'));
    return program;
  };
  const endedRuns = (): number => {
    const runs = join(directory, 'executor', 'runs');
    return readdirSync(runs).filter((run) => existsSync(join(runs, run, 'outcome'))).length;
  };
  const server = await startOn(ports[0]);
  let executor = startExecutor();
  await executor.line(/leasing from the server/);
  using connection = connect({ address });
  await createQueue(connection, { name: SET.queue });
  const jobs = blockedJobs(directory);
  const items = Array.from({ length: JOBS }, () => jobItem({ cpu: '10m', command: jobs.command }));
  for await (const { error } of submitJobs(connection, { ...SET, items }, { clientIds: 'random' })) {
    assert.equal(error, '');
  }
  await until(
    () => jobs.starts().length === JOBS,
    120_000,
    () => `${jobs.starts().length} jobs have started`,
  );

  await server.kill('SIGKILL');
  jobs.release();
  await until(
    () => endedRuns() > JOBS / 4,
    60_000,
    () => `${endedRuns()} runs have ended`,
  );
  await executor.kill('SIGKILL');
  executor = startExecutor();
  await until(
    () => endedRuns() === JOBS,
    60_000,
    () => `${endedRuns()} runs have ended`,
  );
  await executor.line(/no server can be reached/);
  await executor.kill('SIGKILL');
  executor = startExecutor();
  await sleep(OUTAGE_MS);
  await startOn(ports[1]);

  const backMs = performance.now();
  const kinds = new Map<string, string[]>();
  let ended = 0;
  for await (const { body } of watchJobSet(connection, { ...SET, signal: AbortSignal.timeout(60_000) })) {
    const { jobId } = body.value;
    kinds.set(jobId, [...(kinds.get(jobId) ?? []), body.$case]);
    if (body.$case === 'succeeded' && ++ended === JOBS) break;
  }
  t.diagnostic(
    `${JOBS} ends are known ${(performance.now() - backMs).toFixed()} ms after a server was there again`,
  );
  const life = ['submitted', 'queued', 'leased', 'pending', 'running', 'succeeded'];
  for (const [jobId, told] of kinds) assert.deepEqual(told, life, jobId);
  assert.equal(new Set(jobs.starts()).size, jobs.starts().length, 'none ran twice');
  const left = (): number => readdirSync(join(directory, 'executor', 'runs')).length;
  await until(
    () => left() === 0,
    15_000,
    () => `${left()} runs are still held`,
  );
});
