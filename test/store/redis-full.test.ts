/** A Redis that has no memory left for what is new, and must have some for what is there. */
import type { Store, StoredJob } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '@armada-ts/server/base/errors';
import { changeBatch, queueChange, submitJobs } from './builders.ts';
import { applied, idsOf } from './compare.ts';
import { createSteppedClock } from './engine.ts';
import { openAt } from './redis.engine.ts';
import { createDirectory, redisCli, type RedisServer, startRedis } from './redis.servers.ts';
import { assertWhole } from './whole.ts';

/** What tests fill Redis with. */
const FILLED_BYTES = 1024 * 1024;

async function startOwn(t: TestContext): Promise<{ redis: RedisServer; url: string }> {
  const redis = await startRedis(await createDirectory(), ['--save', '']);
  t.after(() => redis.kill());
  return { redis, url: `redis://127.0.0.1:${redis.port}` };
}

/** Does something until it is not refused for want of room. */
async function whenRoom<Value>(act: () => Promise<Value>): Promise<Value> {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ArmadaError) || error.code !== 'OVERLOADED' || tries === 100) throw error;
    }
    await sleep(50);
  }
}

async function usedBytes({ port }: Pick<RedisServer, 'port'>): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redisCli(port, 'info', 'memory'))?.[1]);
}

/** Leaves Redis room for so many bytes more; its new bound. */
async function leaveRoom(redis: RedisServer, bytes: number): Promise<number> {
  const maxBytes = (await usedBytes(redis)) + bytes;
  await redisCli(redis.port, 'config', 'set', 'maxmemory', String(maxBytes));
  return maxBytes;
}

/** Submits until it is refused, with a pause after each; the jobs, and how much Redis had then taken of its maxmemory. */
async function fill(
  store: Store,
  redis: RedisServer,
  { jobs: count, pauseMs }: { jobs: number; pauseMs: number },
) {
  const maxBytes = await leaveRoom(redis, FILLED_BYTES);
  const jobs: StoredJob[] = [];
  const filling = (async (): Promise<never> => {
    for (;;) {
      jobs.push(...(await applied(store, submitJobs(count, { specBytes: 1000 }))).jobs);
      await sleep(pauseMs);
    }
  })();
  await assert.rejects(filling, (error) => {
    assert.ok(error instanceof ArmadaError && error.retryAfterMs, String(error));
    return error.code === 'OVERLOADED' && /maxmemory/.test(error.message);
  });
  return { jobs, share: (await usedBytes(redis)) / maxBytes };
}

test('new jobs are refused before Redis is full, and again once there is room', {
  timeout: 60_000,
}, async (t) => {
  const { redis, url } = await startOwn(t);
  const store = await openAt(url);
  t.after(() => store.close());
  await store.control(queueChange('queue'));
  const { share } = await fill(store, redis, { jobs: 16, pauseMs: 50 });
  assert.ok(share > 0.85 && share < 1, `${share}`);
  assert.equal(store.info.notices.length, 1);
  await leaveRoom(redis, 10 * FILLED_BYTES);
  await sleep(1100);
  await whenRoom(() => applied(store, submitJobs(1)));
  assert.deepEqual(store.info.notices, []);
});

test('a full Redis refuses new jobs and nothing else, and retention makes room again', {
  timeout: 60_000,
}, async (t) => {
  const { redis, url } = await startOwn(t);
  const clock = createSteppedClock(1_800_000_000_000);
  const store = await openAt(url, { clock });
  t.after(() => store.close());
  await store.control(queueChange('queue'));
  const pinned = await applied(store, submitJobs(1, { jobSet: 'pinned' }));
  const { jobs } = await fill(store, redis, { jobs: 200, pauseMs: 0 });
  assert.ok(jobs.length > 0);
  // It has more than it may: whatever needs room is refused, but not what jobs must go through to end.
  await leaveRoom(redis, -FILLED_BYTES);
  assert.match(await redisCli(redis.port, 'set', 'one', 'more'), /OOM/);
  for (let at = 0; at < jobs.length; at += 200) {
    const { jobs: leased } = await applied(store, changeBatch(jobs.slice(at, at + 200), 'lease'));
    await applied(store, changeBatch(leased, 'succeed', { atMs: clock.now() }));
  }
  assert.equal((await store.control(queueChange('queue'))).outcome, 'applied');
  await assert.rejects(store.append(submitJobs(1)), { code: 'OVERLOADED' });
  await assertWhole(store);
  await leaveRoom(redis, 0);
  clock.step(2000);
  while (await store.trim(clock.now(), { eventsMs: 1, recordsMs: 1, logMs: 1, logBytes: 1e9 }));
  await whenRoom(() => applied(store, submitJobs(200, { specBytes: 1000 })));
  assert.equal((await store.read.jobs(idsOf(pinned.jobs))).length, 1);
});
