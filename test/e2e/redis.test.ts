import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { replayStopped } from '../replay-stopped.ts';
import { createDirectory, startRedis, SYNCED } from '../store/redis.servers.ts';
import { followToEnd, judge } from './judge.ts';
import { armadactl, startStandalone, temporaryDirectory } from './programs.ts';
import { writeRealJobs } from './real-jobs.ts';

const NODES = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];

test('on Redis, killing the server and Redis in turn loses no job and runs none twice', async (t) => {
  const directory = await temporaryDirectory(t);
  const redis = await startRedis(await createDirectory(), SYNCED);
  t.after(() => redis.kill());
  const data = `${directory}/data`;
  const url = `redis://127.0.0.1:${redis.port}`;
  const parameters = [...NODES, '--store', url];
  let server = await startStandalone(data, parameters);
  t.after(() => server.kill('SIGKILL'));
  const jobs = await writeRealJobs(directory, 'crash', 2);
  await armadactl(server.address, 'create', 'queue', 'demo');
  assert.equal((await armadactl(server.address, 'submit', jobs.file)).code, 0);

  for (const [pauseMs, killed] of [
    [300, 'redis'],
    [700, 'server'],
    [500, 'redis'],
    [900, 'server'],
  ] as const) {
    await sleep(pauseMs);
    if (killed === 'redis') {
      await redis.kill();
      await sleep(200);
      await redis.restart();
    } else {
      await server.kill('SIGKILL');
      server = await startStandalone(data, parameters);
    }
  }
  const histories = await followToEnd(server.address, { queue: 'demo', jobSetId: 'crash' }, 200, 90_000);
  judge(histories, jobs.expected);
  const starts = await jobs.starts();
  const twice = starts.filter((clientId, index) => starts.indexOf(clientId) !== index);
  assert.deepEqual(twice, [], 'ran twice');

  assert.equal(await server.kill('SIGTERM'), 0);
  const { faults, events } = await replayStopped(url);
  assert.deepEqual(faults, []);
  assert(events >= 200 * 3, `${events} events`);
});
