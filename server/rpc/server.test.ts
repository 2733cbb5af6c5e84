import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { serving } from './testing/serving.ts';
import { createGrpcServer } from './server.ts';

test('a port that is taken is named', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  assert(address && typeof address === 'object');
  const server = createGrpcServer([], { maxRequestBytes: 1024, clock: systemClock, logger: silentLogger });
  await assert.rejects(server.listen('127.0.0.1', address.port), {
    message: new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${address.port}: `),
  });
  await server.close();
  taken.close();
});

test('a server without calls closes at once, and takes no more', async () => {
  const served = await serving({ ask: () => 'yes' });
  assert.equal(await served.ask('go'), 'yes');
  const before = performance.now();
  await served[Symbol.asyncDispose]();
  assert(performance.now() - before < 1000);
});
