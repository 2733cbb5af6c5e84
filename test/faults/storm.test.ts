// Kills at random moments lose nothing, run nothing twice and leave nothing behind.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../e2e/programs.ts';
import type { LocalFleet } from './fleet.ts';
import { startApart, startOnRedis, startTogether } from './fleets.ts';
import { judgeHistory, summary } from './judge.ts';
import { startPausing } from './pausing-fleet.ts';
import { percentile } from './percentile.ts';
import { pausesOf } from './pulse.ts';
import { replayStopped } from '../replay-stopped.ts';
import { startBehindSentinel } from './sentinel-fleet.ts';
import { runStorm } from './storm.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const SEED = Number(process.env['ARMADA_TEST_SEED'] ?? (IS_LONG ? Date.now() % 1_000_000 : 1));

/** Violations that are printed; the rest is counted. */
const MAX_TOLD = 20;

interface Storm {
  start: (directory: string) => Promise<LocalFleet>;
  kills: number;
  jobs: number;
  /** Longest time without an answer to a submit after a kill, in milliseconds; it is printed in any case. */
  maxPauseMs?: number;
}

const STORMS: Readonly<Record<string, Storm>> = {
  'a server that is all': { start: startTogether, kills: IS_LONG ? 100 : 5, jobs: IS_LONG ? 1_000 : 150 },
  'a server and an executor apart': { start: startApart, kills: IS_LONG ? 200 : 50, jobs: 2_000 },
  'two servers, two executors and Redis': {
    start: startOnRedis,
    kills: IS_LONG ? 200 : 20,
    jobs: IS_LONG ? 4_000 : 500,
  },
  'two servers behind Sentinel, the master of three Redis': {
    start: startBehindSentinel,
    kills: IS_LONG ? 20 : 2,
    jobs: IS_LONG ? 600 : 60,
    maxPauseMs: 20_000,
  },
  'two servers, the leader only stopped for a while': {
    start: (directory) => startPausing(directory, IS_LONG ? 30_000 : 8_000),
    kills: IS_LONG ? 3 : 1,
    jobs: IS_LONG ? 300 : 60,
    // Calls to the stopped one last until they are given up.
    maxPauseMs: 15_000,
  },
};

for (const [name, { start, kills, jobs, maxPauseMs }] of Object.entries(STORMS)) {
  test(`${name}: killed ${kills} times during ${jobs} jobs, nothing is lost, doubled or stuck`, async (t) => {
    const directory = await temporaryDirectory(t);
    const fleet = await start(directory);
    t.after(() => fleet.stop());
    const beganMs = performance.now();
    const plan = { kills, jobs, seed: SEED, directory, hasPulse: maxPauseMs !== undefined };
    const entries = await runStorm(fleet, plan);
    const verdict = judgeHistory(entries);
    t.diagnostic(`seed ${SEED}: ${summary(verdict)}, ${Math.round(performance.now() - beganMs)} ms`);
    const violations = verdict.violations.map(({ breach, text }) => `${breach}: ${text}`);
    const shown = violations.slice(0, MAX_TOLD).join('\n');
    assert.equal(violations.length, 0, `seed ${SEED}, ${violations.length} violations:\n${shown}`);
    assert.ok(verdict.acknowledged >= jobs);
    if (maxPauseMs !== undefined) tellPauses(t, [...pausesOf(entries).values()].flat(), maxPauseMs);
    await fleet.stop();
    const replayed = await replayStopped(fleet.storeUrl);
    assert.deepEqual(replayed.faults, [], `seed ${SEED}: events and records differ`);
    assert.ok(replayed.records.size >= jobs);
    assert.ok(verdict.kills >= kills && verdict.processes > 0 && verdict.resumes > 0, summary(verdict));
  });
}

function tellPauses(t: TestContext, pausesMs: readonly number[], maxMs: number): void {
  const [p50, p99] = [percentile(pausesMs, 0.5), percentile(pausesMs, 0.99)];
  t.diagnostic(`pauses p50 ${p50} ms, p99 ${p99} ms of ${pausesMs.length}: ${pausesMs.join(' ')}`);
  assert.ok(p99 <= maxMs, `a pause of ${p99} ms`);
}
