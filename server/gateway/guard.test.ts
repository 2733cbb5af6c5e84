import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import type { HttpOptions } from './http.ts';
import { openPort, type TestPort } from './testing/ports.ts';

const page: HttpOptions['pages'][number] = (server) => {
  server.get('/page', (_, reply) => reply.send('seen'));
};

interface Answer {
  status: number | undefined;
  headers: NodeJS.Dict<string | string[]>;
}

function ask({ port }: TestPort, headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path: '/page', method, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('requests are taken under names of our own only', async () => {
  await using port = await openPort({
    host: 'fe80::1',
    allowedHosts: ['armada.example.com', '2001:db8::1'],
    pages: [page],
  });
  const ours = ['localhost', 'LOCALHOST:8080', '127.0.0.1:8080', '[::1]', '[::1]:8080', '10.1.2.3:8080'];
  ours.push('armada.example.com', 'Armada.Example.com:443', '[fe80::1]:8080', '[2001:db8::1]');
  for (const host of ours) assert.equal((await ask(port, { host })).status, 200, host);
  const foreign = ['evil.example.com', 'evil.example.com:8080', 'localhost.evil.com', '127.0.0.1.evil.com'];
  foreign.push(':8080');
  for (const host of foreign) assert.equal((await ask(port, { host })).status, 421, host);
});

test('requests from other sites are refused', async () => {
  await using port = await openPort({ pages: [page] });
  const host = 'localhost:8080';
  assert.equal((await ask(port, { host, origin: 'http://localhost:8080' })).status, 200);
  const foreign = ['http://evil.example.com', 'https://localhost.evil.com', 'null', 'file://', 'x'];
  // Another port of this machine may belong to anybody.
  foreign.push('http://localhost:3000', 'http://127.0.0.1:8080');
  for (const origin of foreign) {
    const { status, headers } = await ask(port, { host, origin });
    assert.equal(status, 403, origin);
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
});

test('what a page of another site has a browser fetch unasked is refused, where the browser says so', async () => {
  await using port = await openPort({ pages: [page] });
  const fetched = (site: string, mode: string) =>
    ask(port, { 'sec-fetch-site': site, 'sec-fetch-mode': mode }).then(({ status }) => status);
  assert.equal(await fetched('cross-site', 'no-cors'), 403);
  assert.equal(await fetched('same-site', 'no-cors'), 403);
  assert.equal(await fetched('same-origin', 'cors'), 200);
  assert.equal(await fetched('none', 'navigate'), 200);
  assert.equal(await fetched('cross-site', 'navigate'), 200, 'a link may lead here');
});

test('pages of configured sites may ask, and read the headers of the answer', async () => {
  await using port = await openPort({ pages: [page], corsOrigins: ['https://web.example.com'] });
  const origin = 'https://web.example.com';
  const { status, headers } = await ask(port, { origin });
  assert.equal(status, 200);
  assert.equal(headers['access-control-allow-origin'], origin);
  assert.equal(headers['access-control-allow-credentials'], 'true');
  assert.equal(headers.vary, 'Origin');
  assert.match(String(headers['access-control-expose-headers']), /grpc-status.*x-request-id/);
});

test('a browser that asks beforehand is told what it may send, and nobody else is', async () => {
  await using port = await openPort({ pages: [page], corsOrigins: ['https://web.example.com'] });
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,connect-protocol-version',
  };
  const told = await ask(port, { ...preflight, origin: 'https://web.example.com' }, 'OPTIONS');
  assert.equal(told.status, 204);
  assert.match(String(told.headers['access-control-allow-methods']), /POST/);
  assert.equal(told.headers['access-control-allow-headers'], 'authorization,connect-protocol-version');
  const refused = await ask(port, { ...preflight, origin: 'https://evil.example.com' }, 'OPTIONS');
  assert.equal(refused.status, 403);
});
