import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDevServer } from './dev-server.ts';
import { createQueue, getQueue } from './queues.ts';

test('startDevServer() starts servers that know nothing of each other', async () => {
  await using first = await startDevServer();
  await using second = await startDevServer({ runtime: 'simulated' });
  await createQueue(first.connection, { name: 'demo' });
  assert.equal((await getQueue(first.connection, 'demo')).name, 'demo');
  await assert.rejects(getQueue(second.connection, 'demo'), { code: 'NOT_FOUND' });
});
