import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../base/logger.ts';
import { createGetJson } from './get-json.ts';
import { createProviderKeys, publishedSet } from './provider-keys.ts';
import { type ProviderStub, startProvider } from './testing/provider-stub.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

async function setUp() {
  const provider = await startProvider();
  const clock = { nowMs: 0, now: () => 0, elapsed: () => clock.nowMs };
  const getJson = createGetJson({ isLocal: true, authorities: undefined });
  const readSet = publishedSet(provider.issuer, getJson);
  const keys = createProviderKeys(provider.issuer, { readSet, clock, logger: silentLogger });
  const find = (kid: string) => keys.find({ alg: 'ES256', kid }, kid);
  return { provider, clock, keys, find };
}

const readings = ({ asked }: ProviderStub) => asked.filter((path) => path === '/keys').length;
const UNKNOWN = { code: 'UNAUTHENTICATED' };

test('createProviderKeys() reads once for many calls at the same time', async () => {
  const { provider, find } = await setUp();
  await using _ = provider;
  await Promise.all(Array.from({ length: 50 }, () => find('first')));
  assert.deepEqual(provider.asked, ['/.well-known/openid-configuration', '/keys']);
});

test('createProviderKeys() asks for a new key at once, and for made-up ones once in 30 s', async () => {
  const { provider, clock, find } = await setUp();
  await using _ = provider;
  await find('first');
  clock.nowMs += 30 * SECOND_MS;
  await provider.addKey('second');
  await find('second');
  assert.equal(readings(provider), 2);
  for (let at = 0; at < 100; at++) await assert.rejects(find(`../../made/up/${at}`), UNKNOWN);
  clock.nowMs += 29 * SECOND_MS;
  await assert.rejects(find('made-up'), UNKNOWN);
  assert.equal(readings(provider), 2);
  clock.nowMs += SECOND_MS;
  await assert.rejects(find('made-up'), UNKNOWN);
  assert.equal(readings(provider), 3);
  assert.equal(new Set(provider.asked).size, 2, 'nothing but the two addresses');
});

test('createProviderKeys() forgets a key that was removed, whether it is in use all the time or not', async () => {
  const { provider, clock, keys, find } = await setUp();
  await using _ = provider;
  await find('first');
  provider.keys.length = 0;
  await provider.addKey('second');
  let refusedAfterMs = 0;
  for (; refusedAfterMs < 5 * MINUTE_MS; refusedAfterMs += 10 * SECOND_MS) {
    clock.nowMs += 10 * SECOND_MS;
    const isKnown = await find('first').then(
      () => true,
      () => false,
    );
    if (!isKnown) break;
  }
  assert.ok(refusedAfterMs < 4 * MINUTE_MS, `refused after ${refusedAfterMs} ms`);
  assert.equal(keys.has('first'), false);

  await find('second');
  provider.keys.length = 0;
  await provider.addKey('third');
  clock.nowMs += 50 * MINUTE_MS;
  await assert.rejects(find('second'), UNKNOWN);
});

test('createProviderKeys() bridges an outage of its provider, for a time', async () => {
  const { provider, clock, keys, find } = await setUp();
  await using _ = provider;
  await find('first');
  provider.answer = (_path, response) => void response.writeHead(503).end();
  for (let minutes = 0; minutes < 59; minutes++) {
    clock.nowMs += MINUTE_MS;
    await find('first');
  }
  assert.equal(keys.has('first'), true);
  clock.nowMs += MINUTE_MS;
  await assert.rejects(find('first'), { code: 'UNAVAILABLE' });
  assert.equal(keys.has('first'), false);
  provider.answer = undefined;
  clock.nowMs += 30 * SECOND_MS;
  await find('first');
});

test('createProviderKeys() waits for a slow provider only where it must', async () => {
  const { provider, clock, find } = await setUp();
  await using _ = provider;
  await find('first');
  provider.answer = () => {};
  clock.nowMs += 2.5 * MINUTE_MS;
  await find('first');
  assert.equal(readings(provider), 1, 'it is asked, and has not answered');
});

test('createProviderKeys() takes nothing from answers that are not as they must be', async () => {
  await using other = await startProvider();
  const cases: [what: string, answer: NonNullable<ProviderStub['answer']>][] = [
    [
      'another issuer',
      (_, response) =>
        response.end(JSON.stringify({ issuer: other.issuer, jwks_uri: `${other.issuer}/keys` })),
    ],
    ['a redirect', (_, response) => response.writeHead(302, { location: `${other.issuer}/keys` }).end()],
    ['no JSON', (_, response) => response.end('<html>')],
    ['too much', (_, response) => response.end(`{"pad":"${'x'.repeat(300_000)}"}`)],
  ];
  for (const [what, answer] of cases) {
    const { provider, find } = await setUp();
    await using _ = provider;
    provider.answer = answer;
    await assert.rejects(find('first'), { code: 'UNAVAILABLE' }, what);
  }
  assert.deepEqual(other.asked, []);

  const { provider, find } = await setUp();
  await using _ = provider;
  for (let at = 0; at < 100; at++) provider.keys.push(...provider.keys.slice(0, 1));
  await assert.rejects(find('first'), { code: 'UNAVAILABLE' }, 'too many keys');
});

test('createProviderKeys() goes only where the provider may send it', async () => {
  await using other = await startProvider();
  const { port } = new URL(other.issuer);
  for (const jwksUri of [
    'http://169.254.169.254/keys',
    'http://example.com/keys',
    'file:///etc/passwd',
    'ftp://127.0.0.1/keys',
    `http://0.0.0.0:${port}/keys`,
  ]) {
    const { provider, find } = await setUp();
    await using _ = provider;
    provider.answer = (_path, response) =>
      void response.end(JSON.stringify({ issuer: provider.issuer, jwks_uri: jwksUri }));
    await assert.rejects(find('first'), { code: 'UNAVAILABLE' }, jwksUri);
  }
  assert.deepEqual(other.asked, []);
});

test('createGetJson() reaches neither this machine nor the link for a provider elsewhere, by number or by name', async () => {
  const other = await startProvider();
  await using _ = other;
  const { port } = new URL(other.issuer);
  const getJson = createGetJson({ isLocal: false, authorities: undefined });
  const hosts = ['127.0.0.1', '127.1.2.3', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '[::]'];
  const ofTheLink = ['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]', '[fd00:ec2::254]'];
  const translated = ['[64:ff9b::169.254.169.254]', '[64:ff9b::127.0.0.1]'];
  for (const host of [...hosts, ...ofTheLink, ...translated]) {
    await assert.rejects(getJson(new URL(`https://${host}:${port}/keys`)), /must not lead to/, host);
    await assert.rejects(getJson(new URL(`http://${host}:${port}/keys`)), /no address of https/, host);
  }
  assert.equal(other.connections(), 0);
});
