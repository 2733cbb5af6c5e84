// What a provider is sent, by one that answers everything; real ones are in test/oidc.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { text } from 'node:stream/consumers';
import {
  passwordAuthorization,
  podAuthorization,
  renewed,
  refusePlain,
  requestTokens,
  revokeToken,
} from './open-id.ts';

interface Sent {
  path: string;
  form: string;
  authorization: string | undefined;
}

const sent: Sent[] = [];
const offers = { revocation: 200 as number | undefined };
const server = createServer((request, response) => {
  void text(request).then((form) => {
    const path = request.url ?? '';
    if (path.startsWith('/.well-known')) {
      const revocation = offers.revocation === undefined ? {} : { revocation_endpoint: `${issuer}/revoke` };
      response.end(JSON.stringify({ issuer, token_endpoint: `${issuer}/token`, ...revocation }));
      return;
    }
    sent.push({ path, form, authorization: request.headers.authorization });
    const isGood = path === '/token' || offers.revocation === 200;
    response.writeHead(isGood ? 200 : (offers.revocation ?? 500));
    response.end(path === '/token' ? '{"access_token":"issued","expires_in":60}' : 'no JSON');
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => server.close());
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const client = { providerUrl: issuer, clientId: 'cli', scopes: ['openid', 'jobs'] };

function lastForm(): [string, string][] {
  return [...new URLSearchParams(sent.at(-1)?.form)];
}

test('requestTokens() says whom tokens are to be for, in every way that there is', async () => {
  const meant = { ...client, clientSecret: 'a b', audience: 'armada', resources: ['urn:a', 'urn:b'] };
  const { accessToken } = await requestTokens(meant, { grant_type: 'client_credentials' });
  assert.equal(accessToken, 'issued');
  const expected = [
    ['grant_type', 'client_credentials'],
    ['audience', 'armada'],
    ['resource', 'urn:a'],
    ['resource', 'urn:b'],
  ];
  assert.deepEqual(lastForm(), expected);
  assert.equal(sent.at(-1)?.authorization, `Basic ${Buffer.from('cli:a%20b').toString('base64')}`);
});

test('passwordAuthorization() asks once for tokens that are good', async () => {
  const authorization = passwordAuthorization(client, { username: 'ann', password: 'p&q' });
  const before = sent.length;
  assert.deepEqual(await Promise.all([authorization(), authorization()]), ['Bearer issued', 'Bearer issued']);
  assert.equal(sent.length - before, 1);
  assert.deepEqual(Object.fromEntries(lastForm()), {
    grant_type: 'password',
    scope: 'openid jobs',
    username: 'ann',
    password: 'p&q',
    client_id: 'cli',
  });
});

test('renewed() bridges an outage of the provider, but with no token that was refused', async (t) => {
  let nowMs = Date.now();
  t.mock.method(Date, 'now', () => nowMs);
  let isAway = false;
  const told: (string | undefined)[] = [];
  const authorization = renewed(async (refused) => {
    told.push(refused);
    if (isAway) throw new Error('it is away');
    return { accessToken: `t${told.length}`, expiresAtMs: nowMs + 60_000, refreshToken: undefined };
  });
  assert.equal(await authorization(), 'Bearer t1');
  isAway = true;
  nowMs += 55_000;
  assert.equal(await authorization(), 'Bearer t1');
  authorization.refused('Bearer t1');
  await assert.rejects(authorization(), /it is away/);
  isAway = false;
  assert.equal(await authorization(), 'Bearer t4');
  assert.deepEqual(told, [undefined, undefined, 't1', 't1']);
});

test('podAuthorization() shows the token of the pod, or says that there is none', async () => {
  assert.equal(await podAuthorization(client, { K8S_SERVICEACCOUNT_TOKEN: 'of the pod' })(), 'Bearer issued');
  const form = Object.fromEntries(lastForm());
  assert.deepEqual([form['grant_type'], form['client_assertion']], ['kubernetes', 'of the pod']);
  await assert.rejects(podAuthorization(client, {})(), /serviceaccount\/token/);
});

test('revokeToken() tells a provider that does not offer it from one that refuses', async () => {
  assert.equal(await revokeToken(client, 'refresh'), true);
  assert.deepEqual(lastForm(), [
    ['token', 'refresh'],
    ['client_id', 'cli'],
  ]);
  offers.revocation = 503;
  await assert.rejects(revokeToken(client, 'refresh'), /revoke answered 503$/);
  offers.revocation = undefined;
  assert.equal(await revokeToken(client, 'refresh'), false);
});

test('refusePlain() lets secrets go in the clear within this machine alone', () => {
  for (const url of [
    'https://login.example.com',
    'http://localhost:1/a',
    'http://127.0.0.1',
    'http://[::1]:1',
  ]) {
    assert.doesNotThrow(() => refusePlain(url), url);
  }
  for (const url of [
    'http://login.example.com',
    'http://127.example.com',
    'http://localhost.example.com',
    'ftp://localhost',
  ]) {
    assert.throws(() => refusePlain(url), /must begin with https/, url);
  }
});
