import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@armada-ts/executor/clock';
import { type HeldRun, LogNotFound, hasEnded } from '@armada-ts/executor/runtime';
import { sampleLease } from './lease.ts';
import { Agenda } from '@armada-ts/executor/simulated/agenda';
import { type SimulationSettings, fateOf } from '@armada-ts/executor/simulated/fate';
import { simulatedRuntime } from '@armada-ts/executor/simulated/simulated-runtime';

const settings: SimulationSettings = {
  seed: 7,
  startDelayMs: 0,
  minRunMs: 10,
  meanRunMs: 20,
  maxRunMs: 200,
  failureRatio: 0.2,
  leaseReturnRatio: 0.1,
};

test('fateOf() depends on the seed and the run id alone and keeps to the ratios', () => {
  assert.deepEqual(fateOf('run-1', settings), fateOf('run-1', settings));
  const fates = Array.from({ length: 20_000 }, (_, i) => fateOf(`run-${i}`, settings));
  const share = (end: string) => fates.filter((fate) => fate.end === end).length / fates.length;
  assert.ok(Math.abs(share('fails') - 0.2) < 0.01, `${share('fails')}`);
  assert.ok(Math.abs(share('isReturned') - 0.1) < 0.01, `${share('isReturned')}`);
  const mean = fates.reduce((sum, { runMs }) => sum + runMs, 0) / fates.length;
  assert.ok(Math.abs(mean - 20) < 0.5, `${mean}`);
  assert.ok(fates.every(({ runMs }) => runMs >= 10 && runMs <= 200));
  const others = Array.from({ length: 100 }, (_, i) => fateOf(`run-${i}`, { ...settings, seed: 8 }));
  assert.notDeepEqual(others, fates.slice(0, 100));
});

test('Agenda does things in the order of their times', async () => {
  const agenda = new Agenda(systemClock);
  const done: number[] = [];
  const delays = [30, 5, 20, 5, 10, 0, 25, 15];
  for (const delayMs of delays) agenda.add(delayMs, () => done.push(delayMs));
  await sleep(60);
  assert.deepEqual(
    done,
    delays.toSorted((a, b) => a - b),
  );
});

test('simulatedRuntime() goes on with its runs after it was closed and opened again', async () => {
  const calm = { ...settings, failureRatio: 0, leaseReturnRatio: 0 };
  const open = simulatedRuntime(calm, [], systemClock);
  const before: string[] = [];
  let runtime = await open((run) => before.push(run.state.phase));
  const lease = sampleLease('');
  runtime.start(lease);
  assert.deepEqual(before, ['pending']);
  await runtime.close();
  await sleep(20);
  const after: string[] = [];
  runtime = await open((run) => after.push(run.state.phase));
  await sleep(260);
  assert.deepEqual(after, ['running', 'succeeded']);
  runtime.forget(lease.jobRunId);
  assert.equal(runtime.holds(lease.jobRunId), false);
  runtime.start(lease);
  assert.deepEqual(
    [...runtime.held()].map(({ state }) => state.phase),
    ['succeeded'],
  );
  const log = { jobId: 'none', runId: undefined, container: undefined, offset: 0, follow: false };
  await assert.rejects(async () => {
    for await (const _ of runtime.log({ ...log, signal: AbortSignal.timeout(1_000) }));
  }, LogNotFound);
  await runtime.close();
});

test('simulatedRuntime() takes 10,000 runs in its stride', async () => {
  const ended: HeldRun[] = [];
  const runtime = await simulatedRuntime(
    settings,
    [],
    systemClock,
  )((run) => {
    if (hasEnded(run.state)) ended.push(run);
  });
  const leases = Array.from({ length: 10_000 }, () => sampleLease(''));
  const startedMs = performance.now();
  for (const lease of leases) runtime.start(lease);
  while (ended.length < leases.length) await sleep(5);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 2_000, `${tookMs} ms`);
  await runtime.close();
});
