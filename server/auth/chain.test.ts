import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anonymousScheme } from './anonymous.ts';
import { type Scheme, createChain, credentialOf } from './chain.ts';
import { ArmadaError } from '../base/errors.ts';
import { SOMEBODY } from './testing/somebody.ts';

const token: Scheme = {
  name: 'token',
  challenge: 'Token',
  authenticate(authorization) {
    const credential = credentialOf(authorization, 'token');
    if (credential === undefined) return undefined;
    if (credential !== 'good') throw new ArmadaError('UNAUTHENTICATED', 'the token is wrong');
    return { name: 'ann', groups: [], scopes: [], scheme: 'token' };
  },
};

test('createChain() asks the schemes in order and lets only missing credentials be anonymous', async () => {
  const chain = createChain([token, anonymousScheme]);
  assert.deepEqual(chain.challenges, ['Token']);
  assert.equal((await chain.authenticate(['token good'], SOMEBODY)).name, 'ann');
  assert.equal((await chain.authenticate([], SOMEBODY)).name, 'anonymous');
  for (const authorizations of [['token bad'], ['Other x'], [''], ['token good', 'token good']]) {
    await assert.rejects(
      chain.authenticate(authorizations, SOMEBODY),
      { code: 'UNAUTHENTICATED' },
      String(authorizations),
    );
  }
});

test('createChain() does not let anonymous hide a later scheme', async () => {
  const chain = createChain([anonymousScheme, token]);
  assert.equal((await chain.authenticate(['token good'], SOMEBODY)).name, 'ann');
  await assert.rejects(chain.authenticate(['token bad'], SOMEBODY), { code: 'UNAUTHENTICATED' });
});

test('createChain() without anonymous says which schemes there are', async () => {
  await assert.rejects(createChain([token]).authenticate([], SOMEBODY), /accepts: token/);
});

test('credentialOf() compares the name without regard to case and wants all of it', () => {
  assert.equal(credentialOf('BaSiC  abc ', 'basic'), 'abc');
  assert.equal(credentialOf('basic', 'basic'), '');
  assert.equal(credentialOf('basicabc', 'basic'), undefined);
  assert.equal(credentialOf(undefined, 'basic'), undefined);
});
