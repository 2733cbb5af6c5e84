// Clients that read nothing, that open connections and calls without end or take
// them back at once, and an executor that stands still, harm nobody else.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { flood } from './flood.ts';
import { deafWatchers, idleConnections, resetRapidly } from './hostile.ts';
import { judgeHistory, summary } from './judge.ts';
import { percentile } from './percentile.ts';
import { rssBytes, watchRss } from './server-meter.ts';
import { startSimulated } from './simulated-executor.ts';
import { startSteadyUser } from './steady-user.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const STANDSTILL_MS = 20_000;
const PROBE_EVERY_MS = 200;
const HOSTILE_MS = IS_LONG ? 20_000 : 5_000;
const DEAF_WATCHERS = 200;
const CONNECTIONS = 1_000;

/** What the server may grow by, all of this together. */
const MAX_GROWTH_BYTES = 512 * 1024 * 1024;
/** From the submit of a job to its start, for three of four: the others may have been given to the executor that stands still. */
const MAX_START_MS = 5_000;

test('clients that misbehave and an executor that stands still harm nobody else', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startServer(directory, { auth: standaloneAuth });
  t.after(() => server.kill('SIGKILL'));
  const { address } = server;
  const pid = server.process.pid ?? 0;
  const [well, still] = await Promise.all(
    ['well', 'still'].map((id) => startSimulated(id, join(directory, id), address)),
  );
  assert(well && still);
  t.after(async () => void (await Promise.all([well.kill('SIGKILL'), still.kill('SIGKILL')])));
  const steady = await startSteadyUser(address, directory);
  t.after(() => steady.stop());
  await steady.createQueue('crowd');
  const crowd = { address, queue: 'crowd', jobSetId: 'crowd', connections: 2 };
  await flood({ ...crowd, prefix: 'crowd', batch: 100, forMs: 2_000, pace: { atATime: 8 } });
  const calmMs = await steady.probe();
  const before = rssBytes(pid);
  const rss = watchRss(pid);

  const stoodMs = performance.now();
  still.process.kill('SIGSTOP');
  const probes: Promise<number>[] = [];
  let isOver = false;
  const probing = (async () => {
    while (!isOver) {
      // One that was given to the executor that stands still waits with it, and must not keep back the others.
      const probe = steady.probe();
      probe.catch(() => {});
      probes.push(probe);
      await sleep(PROBE_EVERY_MS);
    }
  })();
  using connections = await idleConnections(address, CONNECTIONS);
  using _watchers = deafWatchers(address, DEAF_WATCHERS, 'crowd');
  const [resets, tiny] = await Promise.all([
    resetRapidly(address, HOSTILE_MS),
    flood({ ...crowd, prefix: 'tiny', batch: 1, forMs: HOSTILE_MS, pace: { atATime: 500 } }),
  ]);
  await sleep(Math.max(0, STANDSTILL_MS - (performance.now() - stoodMs)));
  still.process.kill('SIGCONT');
  isOver = true;
  await probing;
  const startsMs = await Promise.all(probes);
  const growth = rss.stop() - before;
  t.diagnostic(
    `${connections.open()} idle connections, ${DEAF_WATCHERS} deaf watchers, ${resets} resets, ${tiny.calls} small calls: ${JSON.stringify(tiny.statuses)}`,
  );
  t.diagnostic(
    `start of a job in calm ${Math.round(calmMs)} ms; then ${startsMs.length}, p50 ${Math.round(percentile(startsMs, 0.5))} ms, p75 ${Math.round(percentile(startsMs, 0.75))} ms`,
  );
  const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);
  t.diagnostic(`memory of the server grew from ${mib(before)} by at most ${mib(growth)} MiB`);
  await steady.finish('crowd', 'crowd');
  const verdict = judgeHistory(await steady.history());
  t.diagnostic(summary(verdict));
  assert.deepEqual(verdict.violations, []);
  assert.ok(percentile(startsMs, 0.75) <= MAX_START_MS);
  assert.ok(growth <= MAX_GROWTH_BYTES, `${growth} bytes`);
  assert.equal(tiny.withoutHint, 0);
});
