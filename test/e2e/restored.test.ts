// An older copy of the data that came back while no server ran.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { queueChange, submitJobs } from '../store/builders.ts';
import { applied } from '../store/compare.ts';
import { openAt } from '../store/redis.engine.ts';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { startProgram } from './programs.ts';

async function restored(url: string): Promise<{ code: number | null; text: string }> {
  const { process: child, lines } = startProgram('server/restored.ts', ['--store', url]);
  await once(child, 'close');
  return { code: child.exitCode, text: lines.join('\n') };
}

test('a store that is told so begins a new epoch: ids of before are of earlier streams, and nothing is gone', async (t) => {
  const redis = await startRedis(await createDirectory(), ['--save', '']);
  t.after(() => redis.kill());
  const url = `redis://127.0.0.1:${redis.port}`;
  const nothing = await restored(url);
  assert.equal(nothing.code, 1);
  assert.match(nothing.text, /there is no store/);

  let store = await openAt(url);
  t.after(() => store.close());
  await store.control(queueChange('queue'));
  const { jobs, number } = await applied(store, submitJobs(3));
  const { epochMs } = store.info;
  await store.close();
  assert.deepEqual(await restored(url), {
    code: 0,
    text: `redis 127.0.0.1:${redis.port} begins a new epoch`,
  });
  store = await openAt(url);
  assert.ok(store.info.epochMs > epochMs);
  assert.equal((await store.read.jobs(jobs.map(({ record }) => record?.jobId ?? ''))).length, 3);
  const again = await applied(store, submitJobs(1));
  assert.ok(again.number > number + 1);
  assert.ok((again.sequences[0]?.streamCreatedMs ?? 0) >= store.info.epochMs);
});
