// Kills at random moments lose nothing, run nothing twice and leave nothing behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryDirectory } from '../e2e/programs.ts';
import { type LocalFleet, startApart, startTogether } from './fleet.ts';
import { judgeHistory, summary } from './judge.ts';
import { replayStorm } from './replay-storm.ts';
import { runStorm } from './storm.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const KILLS = IS_LONG ? 100 : 5;
const JOBS = IS_LONG ? 1_000 : 150;
const SEED = Number(process.env['ARMADA_TEST_SEED'] ?? (IS_LONG ? Date.now() % 1_000_000 : 1));

/** Violations that are printed; the rest is counted. */
const MAX_TOLD = 20;

const FLEETS: Readonly<Record<string, (directory: string) => Promise<LocalFleet>>> = {
  'a server that is all': startTogether,
  'a server and an executor apart': startApart,
};

for (const [name, start] of Object.entries(FLEETS)) {
  test(`${name}: killed ${KILLS} times during ${JOBS} jobs, nothing is lost, doubled or stuck`, async (t) => {
    const directory = await temporaryDirectory(t);
    const fleet = await start(directory);
    t.after(() => fleet.stop());
    const beganMs = performance.now();
    const plan = { kills: KILLS, jobs: JOBS, seed: SEED, directory };
    const verdict = judgeHistory(await runStorm(fleet, plan));
    t.diagnostic(`seed ${SEED}: ${summary(verdict)}, ${Math.round(performance.now() - beganMs)} ms`);
    const violations = verdict.violations.map(({ breach, text }) => `${breach}: ${text}`);
    const shown = violations.slice(0, MAX_TOLD).join('\n');
    assert.equal(violations.length, 0, `seed ${SEED}, ${violations.length} violations:\n${shown}`);
    assert.equal(verdict.acknowledged, JOBS);
    await fleet.stop();
    const replayed = await replayStorm(directory);
    assert.deepEqual(replayed.faults, [], `seed ${SEED}: events and records differ`);
    assert.ok(replayed.records.size >= JOBS);
    assert.ok(verdict.kills >= KILLS && verdict.processes > 0 && verdict.resumes > 0, summary(verdict));
  });
}
