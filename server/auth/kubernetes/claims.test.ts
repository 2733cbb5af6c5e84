import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountClaims, nativeToken } from './claims.ts';

const RULES = { audiences: ['armada', 'other'], issuer: undefined };
const GOOD = { iss: 'https://cluster', sub: 'system:serviceaccount:ns:one', aud: ['armada'], exp: 2 };

function token(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: '../../etc/passwd', jku: 'https://evil.example' })}.${part(claims)}.eA`;
}

test('accountClaims() takes tokens of service accounts that were made for this server', () => {
  const expected = { name: 'system:serviceaccount:ns:one', expiresMs: 2_000 };
  assert.deepEqual(accountClaims(token(GOOD), RULES), expected);
  assert.deepEqual(accountClaims(token({ ...GOOD, aud: 'other' }), RULES), expected);
  assert.deepEqual(accountClaims(token(GOOD), { ...RULES, issuer: 'https://cluster' }), expected);
});

test('accountClaims() leaves all others to other schemes', () => {
  const others: [why: string, claims: object][] = [
    ['made for the API server', { aud: ['https://kubernetes.default.svc'] }],
    ['made for nobody in particular', { aud: undefined }],
    ['made for nothing', { aud: [] }],
    ['of a person', { sub: 'ann' }],
    ['of nobody', { sub: undefined }],
    ['of another kind of name', { sub: ['system:serviceaccount:ns:one'] }],
    ['with a name that would break lines', { sub: 'system:serviceaccount:ns:one\nroot' }],
    ['with an endless name', { sub: `system:serviceaccount:ns:${'x'.repeat(600)}` }],
    ['without an end', { exp: undefined }],
    ['with an end that is none', { exp: '2' }],
  ];
  for (const [why, claims] of others)
    assert.equal(accountClaims(token({ ...GOOD, ...claims }), RULES), undefined, why);
  assert.equal(accountClaims(token(GOOD), { ...RULES, issuer: 'https://cluster/' }), undefined);
  for (const text of ['', 'x', 'a.b', 'a.b.c', `${token(GOOD)}.x.y`, 'bnVsbA.bnVsbA.bnVsbA'])
    assert.equal(accountClaims(text, RULES), undefined, text);
});

test('nativeToken() reads what clients of Armada send, and nothing of the certificate', () => {
  const pair = { token: 'a.b.c', ca: 'LS0tLS1CRUdJTg' };
  const bytes = Buffer.from(JSON.stringify(pair));
  for (const alphabet of ['base64url', 'base64'] as const)
    assert.equal(nativeToken(bytes.toString(alphabet)), 'a.b.c');
  assert.equal(nativeToken(Buffer.from('{"token":"ä?>"}').toString('base64url')), 'ä?>');
  const rubbish = [
    '{}',
    'null',
    '3',
    '"text"',
    '{"token":1}',
    '{"ca":"x"}',
    '{',
    '{"__proto__":{"token":"x"}}',
  ];
  for (const json of rubbish)
    assert.equal(nativeToken(Buffer.from(json).toString('base64url')), undefined, json);
  for (const text of ['', ' ', 'ä', 'a b', '====', '%7B%7D'])
    assert.equal(nativeToken(text), undefined, text);
});
