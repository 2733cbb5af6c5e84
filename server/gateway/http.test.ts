import type { FastifyInstance } from 'fastify';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttpServer } from './http.ts';

function setUp(options: Partial<Parameters<typeof createHttpServer>[0]> = {}): FastifyInstance {
  const well = { health: () => [], notices: () => [], describe: () => [] };
  return createHttpServer({ host: '127.0.0.1', allowedHosts: [], ...well, ...options });
}

async function get(server: FastifyInstance, headers: Record<string, string> = {}, url = '/health') {
  const { statusCode, body } = await server.inject({ url, headers: { host: 'localhost:8080', ...headers } });
  return { statusCode, body };
}

test('health is an empty 204, or 503 with a line for each fault', async () => {
  assert.deepEqual(await get(setUp()), { statusCode: 204, body: '' });
  const sick = setUp({ health: async () => ['the store is away', 'no leader'] });
  assert.deepEqual(await get(sick), { statusCode: 503, body: 'the store is away\nno leader\n' });
});

test('what is to be known is told with 200, and what the server is to whoever asks for more', async () => {
  const options = { notices: () => ['data was lost'], describe: () => ['store sqlite data'] };
  assert.deepEqual(await get(setUp(options)), { statusCode: 200, body: 'data was lost\n' });
  const more = await get(setUp({ ...options, health: () => ['the store is away'] }), {}, '/health?verbose');
  assert.deepEqual(more, { statusCode: 503, body: 'the store is away\ndata was lost\nstore sqlite data\n' });
  const well = await get(setUp({ describe: options.describe }), {}, '/health?verbose');
  assert.deepEqual(well, { statusCode: 200, body: 'store sqlite data\n' });
});

test('health that cannot be told is no health, and says nothing of why', async () => {
  const broken = setUp({ health: () => Promise.reject(new Error('secret')) });
  const { statusCode, body } = await get(broken);
  assert.equal(statusCode, 503);
  assert(!body.includes('secret'));
});

test('requests are taken under names of our own only', async () => {
  const server = setUp({ host: 'fe80::1', allowedHosts: ['armada.example.com', '2001:db8::1'] });
  const ours = ['localhost', 'LOCALHOST:8080', '127.0.0.1:8080', '[::1]', '[::1]:8080'];
  ours.push(
    '10.1.2.3:8080',
    'armada.example.com',
    'Armada.Example.com:443',
    '[fe80::1]:8080',
    '[2001:db8::1]',
  );
  for (const host of ours) assert.equal((await get(server, { host })).statusCode, 204, host);
  const foreign = [
    'evil.example.com',
    'evil.example.com:8080',
    'localhost.evil.com',
    '127.0.0.1.evil.com',
    ':8080',
  ];
  for (const host of foreign) {
    for (const url of ['/health', '/nothing'])
      assert.equal((await get(server, { host }, url)).statusCode, 421, host);
  }
});

test('requests from other sites are refused', async () => {
  const server = setUp();
  assert.equal((await get(server, { origin: 'http://localhost:8080' })).statusCode, 204);
  const foreign = ['http://evil.example.com', 'https://localhost.evil.com', 'null', 'file://', 'x'];
  // Another port of this machine may belong to anybody.
  foreign.push('http://localhost:3000', 'http://127.0.0.1:8080');
  for (const origin of foreign) assert.equal((await get(server, { origin })).statusCode, 403, origin);
});

test('there is nothing else on this port', async () => {
  assert.equal((await get(setUp(), {}, '/')).statusCode, 404);
});

test('the server can be reached by IPv6', async () => {
  const server = setUp({ host: '::1' });
  try {
    await server.listen({ host: '::1', port: 0 });
  } catch (error) {
    assert(error instanceof Error && 'code' in error && error.code === 'EADDRNOTAVAIL');
    return;
  }
  const address = server.server.address();
  assert(typeof address === 'object');
  const answer = await fetch(`http://[::1]:${address?.port}/health`);
  assert.equal(answer.status, 204);
  await server.close();
});
