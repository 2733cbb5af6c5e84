/** What is held in memory for Redis, and in Redis for those who follow, has a bound. */
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { ArmadaError } from '@armada-ts/server/base/errors';
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { batchBytes, specBytes } from '@armada-ts/server/store/entries';
import { encodeAppend } from '@armada-ts/server/store/redis/append';
import { openRedisStore } from '@armada-ts/server/store/redis/open';
import { createTemplates } from '@armada-ts/server/store/redis/records';
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
