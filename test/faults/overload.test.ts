// Ten times the submits that a server takes: it refuses most with a hint, loses
// none that it took, keeps executors and other users served, stays as large as
// it is, and is itself again within seconds.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { percentile } from './percentile.ts';
import { temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { endsOf } from './ends.ts';
import { flood, type FloodFigures } from './flood.ts';
import { judgeHistory, summary } from './judge.ts';
import { cpuMeter, watchRss } from './server-meter.ts';
import { startSimulated } from './simulated-executor.ts';
import { startSteadyUser } from './steady-user.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const WARM_UP_MS = 3_000;
const MEASURED_MS = IS_LONG ? 10_000 : 2_000;
const OVERLOAD_MS = IS_LONG ? 60_000 : 3_000;
const TIMES = 10;
const BATCH = 100;

/**
 * Share of what the server took before that it must still take, for each second
 * of CPU time that it gets: the flood and whatever else runs on this machine
 * leave it less of that.
 */
const MIN_GOODPUT = IS_LONG ? 0.5 : 0.7;
const MAX_RSS_BYTES = 1024 * 1024 * 1024;
/** From a run's begin, as its executor tells it, to the watcher. */
const MAX_REPORT_MS = 5_000;
const RECOVERY_MS = 5_000;

test('ten times the load is refused with a hint and harms nobody', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startServer(directory, { auth: standaloneAuth });
  t.after(() => server.kill('SIGKILL'));
  const executor = await startSimulated('simulated', join(directory, 'executor'), server.address);
  t.after(() => executor.kill('SIGKILL'));
  const { address } = server;
  const steady = await startSteadyUser(address, directory);
  t.after(() => steady.stop());

  const common = { address, queue: 'flood', jobSetId: 'flood', batch: BATCH };
  await steady.createQueue('flood');
  const closed = { ...common, connections: 4, pace: { atATime: 16 } };
  const warmUp = await flood({ ...closed, prefix: 'warm', forMs: WARM_UP_MS });
  const cpu = cpuMeter(server.process.pid ?? 0);
  const before = await flood({ ...closed, prefix: 'before', forMs: MEASURED_MS });
  const calmCost = cpu() / before.jobs.size;
  const capacity = before.jobsInTime / before.seconds;
  const calm = await steady.probe();

  const rss = watchRss(server.process.pid ?? 0);
  const callsPerSecond = (TIMES * capacity) / BATCH / 2;
  steady.mark();
  cpu();
  const floods = await Promise.all(
    ['a', 'b'].map((prefix) =>
      flood({ ...common, prefix, connections: 10, forMs: OVERLOAD_MS, pace: { callsPerSecond } }),
    ),
  );
  const cost = cpu() / floods.reduce((sum, { jobs }) => sum + jobs.size, 0);
  const efficiency = calmCost / cost;
  const during = steady.delays();
  const recoveredMs = await recovery(steady, calm);
  const maxRss = rss.stop();
  const goodput = floods.reduce((sum, { jobsInTime, seconds }) => sum + jobsInTime / seconds, 0);
  tell(t, { capacity, callsPerSecond, goodput, efficiency, calm, recoveredMs, maxRss, floods, during });

  await steady.finish('flood', 'flood');
  const verdict = judgeHistory(await steady.history());
  t.diagnostic(summary(verdict));
  const ends = await endsOf(address, 'flood', 'flood');
  const flooded = [warmUp, before, ...floods];
  judgeFlood(flooded, ends);
  assert.deepEqual(verdict.violations, []);
  for (const { withoutHint } of floods) assert.equal(withoutHint, 0, 'every refusal has a hint');
  const statuses = new Set(floods.flatMap((one) => Object.keys(one.statuses)));
  assert.ok(statuses.has('RESOURCE_EXHAUSTED'), 'too much is refused');
  assert.deepEqual(
    [...statuses].filter((name) => !['OK', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE'].includes(name)),
    [],
  );
  assert.ok(efficiency >= MIN_GOODPUT, `a job costs ${(1 / efficiency).toFixed(1)} times as much CPU time`);
  assert.ok(Math.max(...during) <= MAX_REPORT_MS, `a report took ${Math.max(...during)} ms`);
  assert.ok(recoveredMs <= RECOVERY_MS, `it took ${recoveredMs} ms to be itself again`);
  assert.ok(maxRss <= MAX_RSS_BYTES, `${maxRss} bytes`);
  const complaints = executor.lines.filter((line) => /no lease stream|did not take/.test(line));
  assert.deepEqual(complaints, [], 'no report is refused and no lease stream breaks');
});

/** How long it takes until a job starts about as soon as it did in calm times. */
async function recovery(steady: { probe(): Promise<number> }, calmMs: number): Promise<number> {
  const beganMs = performance.now();
  for (;;) {
    const tookMs = await steady.probe();
    const sinceMs = performance.now() - beganMs;
    if (tookMs <= Math.max(3 * calmMs, 1_500) || sinceMs > 4 * RECOVERY_MS) return sinceMs - tookMs;
    await sleep(100);
  }
}

/** Every acknowledged job is in the stream and ended once; what is there was asked for. */
function judgeFlood(floods: readonly FloodFigures[], ends: Awaited<ReturnType<typeof endsOf>>): void {
  const unknown = new Set(floods.flatMap((one) => one.unknown));
  const acknowledged = new Map(floods.flatMap((one) => [...one.jobs]));
  const wrong = [...acknowledged].filter(([, jobId]) => ends.byJob.get(jobId) !== 1);
  assert.equal(wrong.length, 0, `${wrong.length} of ${acknowledged.size} did not end once: ${wrong[0]?.[1]}`);
  const invented = [...ends.clientIds].filter((id) => !acknowledged.has(id) && !unknown.has(id));
  assert.equal(invented.length, 0, `${invented.length} jobs that were refused are there: ${invented[0]}`);
}

interface Told {
  capacity: number;
  callsPerSecond: number;
  goodput: number;
  efficiency: number;
  calm: number;
  recoveredMs: number;
  maxRss: number;
  floods: readonly FloodFigures[];
  during: readonly number[];
}

function tell(t: { diagnostic(text: string): void }, told: Told): void {
  const { capacity, callsPerSecond, goodput, efficiency, calm, recoveredMs, maxRss, floods, during } = told;
  const round = Math.round;
  t.diagnostic(`capacity ${round(capacity)} jobs/s, offered ${round(2 * callsPerSecond * BATCH)} jobs/s`);
  t.diagnostic(
    `taken ${round(goodput)} jobs/s (${round((100 * goodput) / capacity)} %, by CPU time ${round(100 * efficiency)} %), p50 ${round(percentile(floods[0]?.latenciesMs ?? [], 0.5))} ms, p99 ${round(percentile(floods[0]?.latenciesMs ?? [], 0.99))} ms`,
  );
  for (const { calls, missed, statuses, withoutHint, seconds, cpuMs } of floods) {
    t.diagnostic(
      `${calls} calls in ${seconds.toFixed(1)} s (${round(missed)} missed, ${withoutHint} without a hint): ${JSON.stringify(statuses)}; ${round((1000 * cpuMs) / calls)} µs CPU a call`,
    );
  }
  t.diagnostic(
    `${during.length} reports, p50 ${round(percentile(during, 0.5))} ms, worst ${round(Math.max(...during))} ms`,
  );
  t.diagnostic(`start of a job in calm ${round(calm)} ms, again after ${round(recoveredMs)} ms`);
  t.diagnostic(`memory of the server at most ${round(maxRss / 1024 / 1024)} MiB`);
}
