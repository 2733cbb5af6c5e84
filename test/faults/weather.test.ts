// Networks that fall silent, crawl, break off and repeat themselves, between the
// servers and Redis and between executors and the servers: nothing is lost,
// doubled or left behind, and all goes on by itself.
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { temporaryDirectory } from '../e2e/programs.ts';
import type { Entry } from './history.ts';
import { judgeHistory, summary } from './judge.ts';
import { replayStopped } from '../replay-stopped.ts';
import { runStorm } from './storm.ts';
import { type Front, LINES, startInWeather, type WeatherFleet } from './weather-fleet.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const SEED = Number(process.env['ARMADA_TEST_SEED'] ?? (IS_LONG ? Date.now() % 1_000_000 : 1));

interface Plan {
  lines: readonly string[];
  /** There are seven kinds of weather. */
  fronts: number;
  jobs: number;
}

const SHORT: Readonly<Record<string, Plan>> = {
  'between the server and Redis': { lines: [LINES.redis], fronts: 7, jobs: 120 },
  'between executors and the server': { lines: [LINES.server], fronts: 7, jobs: 120 },
};
const LONG: Readonly<Record<string, Plan>> = {
  'between the server and Redis': { lines: [LINES.redis], fronts: 21, jobs: 500 },
  'between executors and the server': { lines: [LINES.server], fronts: 21, jobs: 500 },
  'on all lines': { lines: Object.values(LINES), fronts: 42, jobs: 1_000 },
};
/** In the long form silences last until every connection that they befell is given up. */
const MAX_EXTRA_MS = IS_LONG ? 20_000 : 1_000;

/** A submit is answered again within this time after the weather has ended. */
const MAX_RECOVERY_MS = 15_000;
const MAX_MEMORY_BYTES = 600 * 1024 * 1024;

const MAX_TOLD = 20;

// Side by side: they wait more than they work.
describe('bad weather', { concurrency: true }, () => {
  for (const [where, plan] of Object.entries(IS_LONG ? LONG : SHORT)) {
    test(`${where}: nothing is lost, doubled or stuck in ${plan.fronts} fronts`, (t) => weather(t, plan));
  }
});

async function weather(t: TestContext, { lines, fronts, jobs }: Plan): Promise<void> {
  const directory = await temporaryDirectory(t);
  const fleet = await startInWeather(directory, { seed: SEED, lines, maxExtraMs: MAX_EXTRA_MS });
  t.after(() => fleet.stop());
  const entries = await runStorm(fleet, { kills: fronts, jobs, seed: SEED, directory, hasPulse: true });
  const verdict = judgeHistory(entries);
  t.diagnostic(`seed ${SEED}: ${summary(verdict)}`);
  const times = fleet.fronts.map((front) => timesOf(front, entries));
  for (const { told } of times) t.diagnostic(told);
  const peakBytes = fleet.peakBytes();
  t.diagnostic(costsOf(fleet, entries, peakBytes));
  const violations = verdict.violations.map(({ breach, text }) => `${breach}: ${text}`);
  const shown = violations.slice(0, MAX_TOLD).join('\n');
  assert.equal(violations.length, 0, `seed ${SEED}, ${violations.length} violations:\n${shown}`);
  assert.ok(verdict.acknowledged >= jobs && verdict.resumes > 0);
  assert.ok(fleet.fronts.length >= fronts);
  if (lines.length === 1)
    for (const { recoveredMs, told } of times) assert.ok((recoveredMs ?? 0) <= MAX_RECOVERY_MS, told);
  assert.ok(peakBytes < MAX_MEMORY_BYTES, `${peakBytes} bytes`);
  await fleet.stop();
  const replayed = await replayStopped(fleet.storeUrl);
  assert.deepEqual(replayed.faults, [], `seed ${SEED}: events and records differ`);
}

function costsOf(fleet: WeatherFleet, entries: readonly Entry[], peakBytes: number): string {
  const submits = entries.filter((entry) => entry.kind === 'submit' && entry.outcome === 'unknown').length;
  const reports = [...fleet.written()]
    .filter(([program]) => program.startsWith('executor'))
    .flatMap(([, lines]) => lines.filter((line) => line.includes('report'))).length;
  const peakMiB = Math.round(peakBytes / 1024 / 1024);
  return `${submits} submitted items and ${reports} reports had to be said again; a server took ${peakMiB} MiB at most`;
}

/** Until the first submit failed, if one did, and from the end until one was answered, if that was before the next front. */
function timesOf({ line, weather, fromMs, toMs }: Front, entries: readonly Entry[]) {
  const submits = entries.flatMap((entry) => (entry.kind === 'submit' ? [entry] : []));
  const downs = entries.flatMap((entry) => (entry.kind === 'down' ? [entry.timeMs] : []));
  const nextMs = downs.find((timeMs) => timeMs >= toMs) ?? Infinity;
  const within = (outcome: string, afterMs: number, beforeMs: number): number | undefined => {
    const found = submits.find((entry) => entry.outcome === outcome && (entry.timeMs ?? 0) >= afterMs);
    return found?.timeMs !== undefined && found.timeMs <= beforeMs ? found.timeMs - afterMs : undefined;
  };
  const noticedMs = within('unknown', fromMs, toMs);
  const recoveredMs = within('acknowledged', toMs, nextMs);
  const noticed = noticedMs === undefined ? 'no submit failed' : `a submit failed after ${noticedMs} ms`;
  const recovered =
    recoveredMs === undefined
      ? 'none was answered before the next'
      : `one was answered ${recoveredMs} ms after`;
  return { recoveredMs, told: `${line}, ${weather} for ${toMs - fromMs} ms: ${noticed}; ${recovered}` };
}
