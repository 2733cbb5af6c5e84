/** What happens to Redis beside crashes of ours: lost data, killed servers, forgotten scripts, missing replicas. */
import type { LogEntry, Store, TailItem } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaError } from '@armada-ts/server/base/errors';
import { changeBatch, queueChange, submitJobs } from './builders.ts';
import { applied, entryOf, idsOf, leadAnew } from './compare.ts';
import { createSteppedClock } from './engine.ts';
import { startCluster } from './redis-cluster.engine.ts';
import { startSentinels } from './redis-sentinel.engine.ts';
import { openAt } from './redis.engine.ts';
import {
  createDirectory,
  redisCli,
  type RedisServer,
  replicaOnline,
  startRedis,
  SYNCED,
} from './redis.servers.ts';
import { assertWhole } from './whole.ts';

const CRASHES = process.env['ARMADA_TEST_LONG'] ? 60 : 6;

async function startOwn(t: TestContext, settings = SYNCED): Promise<{ redis: RedisServer; url: string }> {
  const redis = await startRedis(await createDirectory(), settings);
  t.after(() => redis.kill());
  return { redis, url: `redis://127.0.0.1:${redis.port}` };
}

async function openOwn(t: TestContext, url: string): Promise<Store> {
  const store = await openAt(url);
  t.after(() => store.close());
  return store;
}

/** Does something until it is not refused as unavailable. */
async function whenAvailable<Value>(act: () => Promise<Value>): Promise<Value> {
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ArmadaError) || error.code !== 'UNAVAILABLE' || tries === 200) throw error;
    }
    await sleep(50);
  }
}

/** The first thing that a follower at the head hears. */
function nextItem(t: TestContext, store: Store, heads: readonly number[]): Promise<TailItem | undefined> {
  const tail = store.tail(heads, AbortSignal.any([t.signal, AbortSignal.timeout(15_000)]));
  return tail[Symbol.asyncIterator]()
    .next()
    .then(({ value }) => value as TailItem | undefined);
}

test('forgotten scripts are told again', async (t) => {
  const { redis, url } = await startOwn(t);
  const store = await openOwn(t, url);
  await store.control(queueChange('queue'));
  const { jobs } = await applied(store, submitJobs(2));
  await redisCli(redis.port, 'script', 'flush');
  await applied(store, changeBatch(jobs, 'lease'));
  assert.equal((await store.read.jobSet('queue', 'set'))?.leased, 2);
});

test('Redis killed again and again loses nothing that was acknowledged, and comes back by itself', async (t) => {
  const { redis, url } = await startOwn(t);
  const store = await openOwn(t, url);
  await store.control(queueChange('queue'));
  const acknowledged: LogEntry[] = [];
  let isOver = false;
  const appenders = Array.from({ length: 6 }, async (_, appender) => {
    for (let round = 0; !isOver; round++) {
      const batch = submitJobs(1 + (round % 5), { jobSet: `set-${appender % 2}`, specBytes: 200 });
      const result = await whenAvailable(() => store.append(batch));
      // The answer to the first try may have been lost.
      if (result.outcome !== 'repeated') acknowledged.push(entryOf(result));
    }
  });
  for (let crash = 0; crash < CRASHES; crash++) {
    await sleep(100 + 30 * crash);
    await redis.restart();
  }
  isOver = true;
  await Promise.all(appenders);
  await assertWhole(store);
  const ids = acknowledged.flatMap(({ jobs }) => idsOf(jobs));
  assert(ids.length > 50, `only ${ids.length} jobs`);
  assert.equal((await store.read.jobs(ids)).length, ids.length);
});

test('FLUSHALL is noticed: readers fall off, the epoch rises, and the store is of use again', async (t) => {
  const { redis, url } = await startOwn(t);
  const store = await openOwn(t, url);
  await store.control(queueChange('queue'));
  const entry = await applied(store, submitJobs(3));
  const { epochMs } = store.info;
  const next = nextItem(t, store, await store.heads());
  await redisCli(redis.port, 'flushall');
  await assert.rejects(store.append(changeBatch(entry.jobs, 'lease')), { code: 'UNAVAILABLE' });
  assert.deepEqual(await next, { kind: 'fell-off' });
  assert(store.info.epochMs > epochMs);
  assert.match(store.info.notices[0] ?? '', /^Redis has lost data, as was noticed at 2/);
  assert.deepEqual(await store.read.jobs(idsOf(entry.jobs)), []);
  await store.control(queueChange('queue', 0));
  const again = await applied(store, submitJobs(1));
  assert((again.sequences[0]?.streamCreatedMs ?? 0) >= store.info.epochMs);
  assert(again.number > entry.number);
});

test('a restored older copy is noticed, with all that was seen before', async (t) => {
  const { redis, url } = await startOwn(t);
  const store = await openOwn(t, url);
  await store.control(queueChange('queue'));
  const kept = await applied(store, submitJobs(2));
  const home = (await redisCli(redis.port, 'config', 'get', 'dir')).split('\n')[1] ?? '';
  const copy = join(dirname(home), 'copy');
  await cp(home, copy, { recursive: true });
  const gone = await applied(store, submitJobs(2));
  const { epochMs } = store.info;
  const next = nextItem(t, store, await store.heads());

  await redis.kill();
  await rm(home, { recursive: true });
  await cp(copy, home, { recursive: true });
  await redis.restart();
  await whenAvailable(async () =>
    assert.deepEqual(idsOf(await store.read.jobs(idsOf([...kept.jobs, ...gone.jobs]))), idsOf(kept.jobs)),
  );
  assert.deepEqual(await next, { kind: 'fell-off' });
  assert(store.info.epochMs > epochMs);
  const again = await applied(store, submitJobs(1));
  assert.equal(again.sequences[0]?.number, 2);
  assert.notEqual(again.sequences[0]?.streamCreatedMs, gone.sequences[0]?.streamCreatedMs);
  assert(again.number > gone.number, 'no version comes twice');
});

test('a second server hears of the first, and notices lost data too', async (t) => {
  const { redis, url } = await startOwn(t);
  const [one, two] = [await openOwn(t, url), await openOwn(t, url)];
  await one.control(queueChange('queue'));
  const heads = await one.heads();
  const began = performance.now();
  const [heard, entry] = await Promise.all([nextItem(t, two, heads), applied(one, submitJobs(3))]);
  const waitedMs = performance.now() - began;
  assert(heard?.kind === 'entries');
  assert.deepEqual(
    heard.entries.flatMap(({ jobs }) => idsOf(jobs)),
    idsOf(entry.jobs),
  );
  assert(waitedMs < 500, `${waitedMs} ms`);

  const both = await Promise.all(
    [one, two].flatMap((store) => Array.from({ length: 40 }, () => applied(store, submitJobs(2)))),
  );
  for (const store of [one, two]) {
    const seen = new Set<string>();
    for await (const item of store.tail(heads, AbortSignal.timeout(10_000))) {
      assert(item.kind === 'entries');
      for (const each of item.entries) for (const id of idsOf(each.jobs)) seen.add(id);
      if (seen.size === 3 + 160) break;
    }
    assert(both.every(({ jobs }) => idsOf(jobs).every((id) => seen.has(id))));
  }
  await redisCli(redis.port, 'flushall');
  await whenAvailable(() => one.control(queueChange('queue')));
  await whenAvailable(() => two.append(submitJobs(1)));
  // Both may have noticed by themselves; they agree at the next look.
  for (let tries = 0; one.info.epochMs !== two.info.epochMs && tries < 50; tries++) await sleep(100);
  assert.equal(one.info.epochMs, two.info.epochMs);
});

test('nobody leads over a loss that it has not noticed, and no leader of before decides after it', async (t) => {
  const { redis, url } = await startOwn(t);
  const [one, two] = [await openOwn(t, url), await openOwn(t, url)];
  const { term } = await leadAnew(one);
  await redisCli(redis.port, 'flushall');
  await whenAvailable(() => one.control(queueChange('queue')));
  // It may have noticed by itself, if its look has come just now.
  const hasNoticed = two.info.epochMs === one.info.epochMs;
  const outcome = await two.lead({ serverId: 'two', after: 0 }).catch((error: unknown) => error);
  assert(hasNoticed || (outcome instanceof ArmadaError && outcome.code === 'UNAVAILABLE'));
  assert.equal(two.info.epochMs, one.info.epochMs);
  assert((await leadAnew(two)).term > term);
  const { jobs } = await applied(two, submitJobs(1));
  assert.equal((await one.append(changeBatch(jobs, 'lease', { term }))).outcome, 'sealed');
});

test('one server uses at most four connections, and nearly none of Redis while it is idle', async (t) => {
  const { redis, url } = await startOwn(t);
  const store = await openOwn(t, url);
  const abort = new AbortController();
  const heads = await store.heads();
  const followers = Array.from({ length: 50 }, async () => {
    for await (const _ of store.tail(heads, abort.signal));
  });
  const clients = (await redisCli(redis.port, 'client', 'list'))
    .split('\n')
    .filter((line) => line.includes('cmd='));
  // redis-cli itself is one of them.
  assert(clients.length - 1 <= 4, clients.join('\n'));
  const commands = async (): Promise<number> =>
    Number(/total_commands_processed:(\d+)/.exec(await redisCli(redis.port, 'info', 'stats'))?.[1]);
  const before = await commands();
  await sleep(2000);
  // Commands inside scripts count too: three for each partition and second.
  const used = (await commands()) - before;
  assert(used < 3 * 16 * 5, `${used} commands in two seconds`);
  abort.abort();
  await Promise.all(followers);
});

test('replicated waits for a replica, and says unknown when there is none', {
  timeout: 60_000,
}, async (t) => {
  const directory = await createDirectory();
  const master = await startRedis(directory, SYNCED);
  const replica = await startRedis(directory, [...SYNCED, '--replicaof', '127.0.0.1', String(master.port)]);
  t.after(() => Promise.all([master.kill(), replica.kill()]));
  await replicaOnline(master);
  const store = await openOwn(t, `redis://127.0.0.1:${master.port}`);
  assert.equal(store.info.acknowledgement, 'replicated');
  await store.control(queueChange('queue'));
  await applied(store, submitJobs(1));
  await replica.kill();
  const batch = submitJobs(1);
  await assert.rejects(store.append(batch), { code: 'UNAVAILABLE', message: /0 of 1 replicas/ });
  await replica.restart();
  await replicaOnline(master);
  assert.deepEqual(await whenAvailable(() => store.append(batch)), { outcome: 'repeated' });
});

test('a failover that lost writes is noticed', { timeout: 60_000 }, async (t) => {
  const { url, master, replica } = await startSentinels();
  const store = await openOwn(t, url);
  await store.control(queueChange('queue'));
  const kept = await applied(store, submitJobs(2));
  const { epochMs } = store.info;
  // The replica follows nobody: what is written now reaches the master only.
  await redisCli(replica.port, 'replicaof', '127.0.0.1', '1');
  await assert.rejects(store.append(submitJobs(2)), { code: 'UNAVAILABLE' });
  assert.equal((await store.read.jobSet('queue', 'set'))?.queued, 4);
  await master.kill();
  const info = await whenAvailable(() => store.read.jobSet('queue', 'set'));
  assert.equal(info?.queued, 2);
  assert(store.info.epochMs > epochMs);
  assert.deepEqual(idsOf(await store.read.jobs(idsOf(kept.jobs))), idsOf(kept.jobs));
});

/** Much, all of it ended. */
async function fillWithEnded(store: Store, atMs: number): Promise<void> {
  const jobs = { specBytes: 1000, externalJobUri: 'https://example.com/1', jobSet: 'set' };
  for (let i = 0; i < 10; i++) {
    const submitted = await applied(store, submitJobs(1000, jobs));
    await applied(store, changeBatch(submitted.jobs, 'succeed', { atMs }));
  }
  for (let i = 0; i < 500; i++) {
    const { jobs: one } = await applied(store, submitJobs(1, { jobSet: `set-${i % 50}` }));
    await applied(store, changeBatch(one, 'succeed', { atMs }));
  }
}

test('retention of much never holds Redis up for 10 ms', { timeout: 120_000 }, async (t) => {
  const { redis, url } = await startOwn(t, ['--save', '', '--slowlog-log-slower-than', '10000']);
  const clock = createSteppedClock(1_800_000_000_000);
  const store = await openAt(url, { clock });
  t.after(() => store.close());
  await store.control(queueChange('queue'));
  // Redis counts the time for which it had to wait for a core, too: what is slow by itself is slow every time.
  for (let tries = 1, slow = 'not tried'; slow !== ''; tries++) {
    assert(tries < 5, slow.slice(0, 500));
    await fillWithEnded(store, clock.now());
    await redisCli(redis.port, 'slowlog', 'reset');
    clock.step(1000);
    while (await store.trim(clock.now(), { eventsMs: 1, recordsMs: 1, logMs: 1, logBytes: 1e9 }));
    assert.equal(await store.read.jobSet('queue', 'set'), undefined);
    slow = (await redisCli(redis.port, 'slowlog', 'get')).trim();
  }
  // Nothing of a job stays behind: what is left is of the partitions, the queue and the store.
  const keys = (await redisCli(redis.port, 'keys', '*')).trim().split('\n');
  const left = keys.filter((key) => !/^armada:\{\d+\}(:control:1|:store)?$/.test(key));
  assert.deepEqual(left, []);
});

test('a Cluster whose master dies goes on with its replica', { timeout: 60_000 }, async (t) => {
  const { url, servers } = await startCluster(1);
  t.after(() => Promise.all(servers.map((server) => server.kill())));
  const store = await openAt(url, { acknowledgement: 'replicated' });
  t.after(() => store.close());
  const queues = Array.from({ length: 12 }, (_, i) => `queue-${i}`);
  await Promise.all(queues.map((queue) => store.control(queueChange(queue))));
  const before = await Promise.all(queues.map((queue) => applied(store, submitJobs(2, { queue }))));
  const heads = await store.heads();
  await servers[0]?.kill();
  const ids = before.flatMap(({ jobs }) => idsOf(jobs));
  assert.equal((await whenAvailable(() => store.read.jobs(ids))).length, ids.length);
  assert.deepEqual(await store.heads(), heads);
  await servers[0]?.restart();
  const after = await Promise.all(
    queues.map((queue) => {
      const batch = submitJobs(1, { queue });
      return whenAvailable(() => store.append(batch));
    }),
  );
  assert(after.every(({ outcome }) => outcome === 'applied' || outcome === 'repeated'));
});
