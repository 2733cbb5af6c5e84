/** What a store does when the network between it and Redis fails in ways that no end of the connection is told of. */
import type { Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '@armada-ts/server/base/errors';
import { type Proxy, startProxy } from '../e2e/proxy.ts';
import { queueChange, submitJobs } from './builders.ts';
import { applied } from './compare.ts';
import { openAt } from './redis.engine.ts';
import { createDirectory, startRedis, SYNCED } from './redis.servers.ts';
import { assertWhole } from './whole.ts';

/** A silent connection is given up within this time, ... */
const NOTICED_MS = 8_000;
/** ... and everything goes on so long after the silence at the latest. */
const RECOVERED_MS = 8_000;
/** Word of another's entry comes much sooner than the next look, a second later. */
const WORD_MS = 300;

interface Weather {
  proxy: Proxy;
  /** Reaches Redis through the proxy. */
  store: Store;
  /** Reaches the same Redis directly. */
  other: Store;
}

async function startWeather(t: TestContext): Promise<Weather> {
  const redis = await startRedis(await createDirectory(), SYNCED);
  const proxy = await startProxy(`127.0.0.1:${redis.port}`);
  const store = await openAt(`redis://${proxy.address}`);
  const other = await openAt(`redis://127.0.0.1:${redis.port}`);
  t.after(async () => {
    await proxy.close();
    await Promise.all([store.close(), other.close()]);
    await redis.kill();
  });
  await store.control(queueChange('queue'));
  return { proxy, store, other };
}

/** Tries until it goes well; how long that took, and what refused it meanwhile. */
async function whenAvailable(act: () => Promise<unknown>): Promise<{ tookMs: number; refusals: number }> {
  const beganMs = performance.now();
  for (let refusals = 0; ; refusals++) {
    const tookMs = performance.now() - beganMs;
    try {
      await act();
      return { tookMs: performance.now() - beganMs, refusals };
    } catch (error) {
      if (!(error instanceof ArmadaError) || error.code !== 'UNAVAILABLE' || tookMs > 30_000) throw error;
      assert.ok(error.retryAfterMs, `no hint: ${error.message}`);
    }
    await sleep(50);
  }
}

/** How long it takes until a follower is told of what another process has written. */
async function wordMs({ store, other }: Weather): Promise<number> {
  const abort = new AbortController();
  const next = store
    .tail(await store.heads(), abort.signal)
    [Symbol.asyncIterator]()
    .next();
  await sleep(20);
  const beganMs = performance.now();
  await applied(other, submitJobs(1));
  await next;
  abort.abort();
  return performance.now() - beganMs;
}

describe('a store and its Redis', { concurrency: true }, () => {
  for (const [direction, fate] of [
    ['answers', 'held'],
    ['requests', 'held'],
    ['answers', 'swallowed'],
    ['requests', 'swallowed'],
  ] as const) {
    test(`${direction} that are ${fate}: given up within seconds, and all goes on by itself after`, async (t) => {
      const weather = await startWeather(t);
      const { proxy, store } = weather;
      const batch = submitJobs(2);
      proxy.silence(direction, fate);
      const silentMs = performance.now();
      await assert.rejects(store.append(batch), { code: 'UNAVAILABLE' });
      const noticedMs = performance.now() - silentMs;
      assert.ok(noticedMs < NOTICED_MS, `${noticedMs} ms`);
      // While there is no connection, nobody waits for one.
      const beganMs = performance.now();
      await assert.rejects(store.append(batch), { code: 'UNAVAILABLE', message: /no connection/ });
      assert.ok(performance.now() - beganMs < 500);
      // Long enough for the subscription to be given up too.
      await sleep(4_000);
      proxy.resume();
      // What the first try came to was unknown; it may even arrive after the second.
      const { tookMs } = await whenAvailable(() => store.append(batch));
      assert.ok(tookMs < RECOVERED_MS, `${tookMs} ms`);
      await whenAvailable(() => store.heads());
      let word = await wordMs(weather);
      const untilMs = performance.now() + RECOVERED_MS;
      while (word > WORD_MS && performance.now() < untilMs) word = await wordMs(weather);
      assert.ok(word <= WORD_MS, `${word} ms`);
      await assertWhole(store);
      t.diagnostic(`noticed after ${Math.round(noticedMs)} ms, recovered after ${Math.round(tookMs)} ms`);
      const jobs = await store.read.jobs(batch.submitted.map(({ record }) => record?.jobId ?? ''));
      assert.equal(jobs.length, 2);
    });
  }

  test('a line of 64 kbit/s carries a batch that takes it longer than a silence may last', async (t) => {
    const { proxy, store } = await startWeather(t);
    // Told before, so that the text of the script is not on the line.
    await applied(store, submitJobs(1));
    proxy.throttle(64_000);
    const beganMs = performance.now();
    const before = proxy.passedBytes;
    await applied(store, submitJobs(400, { specBytes: 500 }));
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs > 5_500, `${tookMs} ms for ${proxy.passedBytes - before} bytes`);
    t.diagnostic(`${proxy.passedBytes - before} bytes in ${Math.round(tookMs)} ms`);
  });

  test('resets in the middle of answers, and requests that come twice, change nothing', async (t) => {
    const { proxy, store } = await startWeather(t);
    proxy.record();
    proxy.cut();
    let asked = 0;
    for (let round = 0; round < 12; round++) {
      const cutting = proxy.cutAfter(20 + 37 * round);
      const batches = Array.from({ length: 8 }, () => submitJobs(2, { jobSet: `set-${round % 2}` }));
      asked += 2 * batches.length;
      await Promise.all(batches.map((batch) => whenAvailable(() => store.append(batch))));
      await cutting;
      if (round % 3 === 2) assert.ok((await proxy.replay()) > 0);
    }
    const sets = await Promise.all([0, 1].map((set) => store.read.jobSet('queue', `set-${set}`)));
    assert.equal(
      sets.reduce((sum, set) => sum + (set?.queued ?? 0), 0),
      asked,
    );
    await assertWhole(store);
  });
});
