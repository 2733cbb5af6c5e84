import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oidcSchema } from './config.ts';

test('oidcSchema refuses what would not be safe', () => {
  const parse = (...providers: object[]) => oidcSchema.safeParse({ providers }).success;
  const audience = ['armada'];
  assert.equal(parse({ issuer: 'https://a.example.com/realms/x', audience }), true);
  for (const issuer of [
    'http://a.example.com',
    'a.example.com',
    'https://u:p@a.example.com',
    'https://a.example.com?x',
    'ftp://127.0.0.1',
  ])
    assert.equal(parse({ issuer, audience }), false, issuer);
  const issuer = 'https://a.example.com';
  assert.equal(parse({ issuer }), false);
  assert.equal(parse({ issuer, audience: [] }), false);
  for (const algorithm of ['none', 'HS256'])
    assert.equal(parse({ issuer, audience, algorithms: [algorithm] }), false);
  assert.equal(parse({ issuer, audience }, { issuer: 'https://b.example.com', audience }), false);
  assert.equal(
    parse({ issuer, audience }, { issuer: 'https://b.example.com', audience, userNameSuffix: '@b' }),
    true,
  );
});
