/** What is held in memory for Redis, and in Redis for those who follow, has a bound. */
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { ArmadaError } from '@armada-ts/server/base/errors';
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { batchBytes, specBytes } from '@armada-ts/server/store/entries';
import { newClient, ready } from '@armada-ts/server/store/redis/node';
import { encodeAppend } from '@armada-ts/server/store/redis/append';
import { openRedisStore } from '@armada-ts/server/store/redis/open';
import { createTemplates } from '@armada-ts/server/store/redis/records';
import { keepRetention } from '@armada-ts/server/retention';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { changeBatch, queueChange, submitJobs } from './builders.ts';
import { applied } from './compare.ts';
import { createDirectory, startRedis, SYNCED } from './redis.servers.ts';

const SEEN = { number: 0, mark: Buffer.alloc(0) };
const STAMP = { now: 1, mark: Buffer.alloc(8), channel: '', origin: '', seen: SEEN };

test('what followers hold of a batch is counted, however well its specs are compressed', () => {
  const submit = submitJobs(1000, { specBytes: 1000 });
  const jobs = submit.submitted.map(({ record }) => ({ record, version: 1, submittedNumber: 1 }));
  for (const batch of [submit, changeBatch(jobs, 'lease')]) {
    const length = Batch.encode(batch).finish().length;
    const { followedBytes } = encodeAppend(batch, STAMP, { partitions: 2, templateOf: createTemplates() });
    const held = length - specBytes(batch);
    assert(followedBytes > held / 2 && followedBytes < held * 2, `${followedBytes} for ${held}`);
    assert(batchBytes(batch) > length / 2, `${batchBytes(batch)} for ${length}`);
  }
});

test('the log stays at its bytes under a burst, and they are what its entries have', async (t) => {
  const redis = await startRedis(await createDirectory(), ['--save', '']);
  t.after(() => redis.kill());
  const url = `redis://127.0.0.1:${redis.port}`;
  const store = await openRedisStore({ url, partitions: 2, clock: systemClock, logger: silentLogger });
  t.after(() => store.close());
  await store.control(queueChange('queue'));
  const asking = newClient({ port: redis.port });
  t.after(() => asking.disconnect());
  await ready(asking);
  const counted = async (): Promise<number[]> =>
    (await Promise.all([0, 1].map((n) => asking.hget(`armada:{${n}}`, 'bytes')))).map(Number);

  const logBytes = 200_000;
  const stopping = new AbortController();
  const retention = { eventsMs: 1e9, recordsMs: 1e9, logMs: 1e9, logBytes };
  const trimming = keepRetention(
    { store, clock: systemClock, logger: silentLogger, scheduler: { role: () => 'leading' } },
    retention,
    stopping.signal,
  );
  // The first look that finds the log at its bound may come two seconds late; from then on there are twenty a second.
  const began = performance.now();
  const elapsed = (): number => performance.now() - began;
  const write = async (): Promise<void> => {
    while (elapsed() < 4000) await applied(store, submitJobs(1));
  };
  const writing = Promise.all(Array.from({ length: 16 }, write));
  await setTimeout(2800);
  let above = 0;
  while (elapsed() < 3900) {
    above = Math.max(
      above,
      (await counted()).reduce((sum, each) => sum + each, 0),
    );
    await setTimeout(10);
  }
  await writing;
  stopping.abort();
  await trimming;
  for (const [n, bytes] of (await counted()).entries()) {
    const entries = await asking.lrangeBuffer(`armada:{${n}}:log`, 0, -1);
    assert.equal(
      bytes,
      entries.reduce((sum, { length }) => sum + length, 0),
    );
  }
  const heads = await store.heads();
  assert(
    above > logBytes / 2 && above < 2 * logBytes,
    `${above} of ${logBytes} bytes, ${String(heads)} entries`,
  );
});

test('reports that Redis does not answer are refused when too many wait', async (t) => {
  const redis = await startRedis(await createDirectory(), SYNCED);
  t.after(() => redis.kill());
  const url = `redis://127.0.0.1:${redis.port}`;
  const limits = { pendingBytes: 20_000 };
  const store = await openRedisStore({ url, limits, clock: systemClock, logger: silentLogger });
  t.after(() => store.close());
  await store.control(queueChange('queue'));
  const { jobs } = await applied(store, submitJobs(200));
  redis.process.kill('SIGSTOP');
  let refused = 0;
  const reports = jobs.map((job) =>
    store.append(changeBatch([job], 'lease')).catch((error: unknown) => {
      assert(error instanceof ArmadaError && error.code === 'OVERLOADED', String(error));
      refused++;
    }),
  );
  redis.process.kill('SIGCONT');
  await Promise.all(reports);
  assert(refused > 20 && refused < 200, `${refused} of 200 reports were refused`);
});
