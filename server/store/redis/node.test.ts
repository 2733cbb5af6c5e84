import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { newClient, ready } from './node.ts';

test('ready() listens once, however many wait for a server that is away', async () => {
  const port = await freePort();
  const client = newClient({ host: '127.0.0.1', port });
  await assert.rejects(ready(client), { code: 'UNAVAILABLE', message: /ECONNREFUSED/ });
  for (let i = 0; i < 50; i++) void ready(client);
  for (const event of ['ready', 'end', 'error']) {
    assert(client.listenerCount(event) <= 2, `${client.listenerCount(event)} listeners to ${event}`);
  }
  client.disconnect();
});

test('ready() does not wait for a connection that has ended', async () => {
  const client = newClient({ host: '127.0.0.1', port: await freePort(), retryStrategy: () => null });
  await assert.rejects(ready(client), { code: 'UNAVAILABLE', message: /ECONNREFUSED/ });
  await assert.rejects(ready(client), { code: 'UNAVAILABLE', message: /closed/ });
  for (const event of ['ready', 'end', 'error']) assert.equal(client.listenerCount(event), 0);
});

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(address && typeof address === 'object');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
