import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GOOD, NAME, openTold, token } from './testing/told-scheme.ts';
import type { Review } from './api-server.ts';

const REFUSED = { code: 'UNAUTHENTICATED' };

test('kubernetes names service accounts as the API server does, and their groups', async () => {
  const { login } = openTold();
  const expected = {
    name: NAME,
    groups: [NAME, 'system:serviceaccounts', 'system:serviceaccounts:jobs'],
    scopes: [],
    scheme: 'kubernetes',
    expiresMs: 3_600_000,
  };
  assert.deepEqual(await login(`Bearer ${token()}`), expected);
  const native = Buffer.from(JSON.stringify({ token: token(), ca: 'eA' })).toString('base64url');
  assert.deepEqual(await login(`KubernetesAuth ${native}`), expected);
  const suffixed = await openTold({ userNameSuffix: '@a', groupNameSuffix: '@b' }).login(`bearer ${token()}`);
  assert.equal(suffixed?.name, `${NAME}@a`);
  assert.equal(suffixed?.groups[1], 'system:serviceaccounts@b');
});

test('kubernetes asks about nothing that is not for it', async () => {
  const { world, login } = openTold();
  const others = [token({ aud: ['api'] }), token({ sub: 'ann' }), 'rubbish', '', 'x'.repeat(20_000)];
  for (const other of others) {
    assert.equal(await login(`Bearer ${other}`), undefined);
    const native = Buffer.from(JSON.stringify({ token: other })).toString('base64url');
    await assert.rejects(login(`KubernetesAuth ${native}`), REFUSED);
  }
  assert.equal(await login('Basic YTpi'), undefined);
  await assert.rejects(login('KubernetesAuth'), REFUSED);
  await assert.rejects(login(`Bearer ${token({ exp: 0 })}`), /expired/);
  assert.deepEqual(world.asked, []);
});

test('kubernetes takes nobody but whom the API server names for this server', async () => {
  const { world, login } = openTold();
  const others: [why: string, answer: Review][] = [
    ['not known', { ...GOOD, isAuthenticated: false }],
    ['an API server that knows of no audiences', { ...GOOD, audiences: [] }],
    ['for others', { ...GOOD, audiences: ['api'] }],
    ['another account', { ...GOOD, name: 'system:serviceaccount:jobs:other' }],
    ['nobody', { ...GOOD, name: '' }],
  ];
  for (const [why, answer] of others) {
    world.answer = async () => answer;
    await assert.rejects(login(`Bearer ${token()}`), REFUSED, why);
  }
});
