import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer, withOperators } from './authorizer.ts';
import { createChain } from './chain.ts';
import { operatorToken, operatorTokenScheme } from './operator-token.ts';
import { PERMISSIONS } from './permissions.ts';
import { SOMEBODY } from './testing/somebody.ts';

const SECRET = Buffer.from('secret of the store');
const token = operatorToken(SECRET);
const chain = createChain([operatorTokenScheme(() => token)]);

test('the operator token follows from the secret of the store', () => {
  assert.match(token, /^armada-operator-[\w-]{43}$/);
  assert.equal(operatorToken(Buffer.from(SECRET)), token);
  assert.notEqual(operatorToken(Buffer.from('another')), token);
});

test('only the whole token lets in, and whoever has no such token is left to other schemes', async () => {
  assert.equal((await chain.authenticate([`bearer ${token}`], SOMEBODY)).name, 'operator');
  const wrong = [
    token.slice(0, -1),
    `${token}x`,
    `${token.slice(0, -1)}!`,
    'armada-operator-',
    `${token} ${token}`,
  ];
  for (const each of wrong) {
    await assert.rejects(chain.authenticate([`Bearer ${each}`], SOMEBODY), {
      code: 'UNAUTHENTICATED',
      message: /not that of/,
    });
  }
  const scheme = operatorTokenScheme(() => token);
  for (const other of [undefined, 'Bearer abc', 'Basic YTpi', token, `Basic ${token}`, 'Bearer']) {
    assert.equal(await scheme.authenticate(other, SOMEBODY), undefined, other);
  }
});

test('with another token the one before is good no more, also where somebody came with it', async () => {
  let now = token;
  const scheme = operatorTokenScheme(() => now);
  const operator = await scheme.authenticate(`Bearer ${token}`, SOMEBODY);
  assert.ok(operator);
  assert.equal(scheme.recheck?.(operator), undefined);
  now = operatorToken(SECRET, Buffer.from('salt'));
  assert.notEqual(now, token);
  assert.throws(() => scheme.authenticate(`Bearer ${token}`, SOMEBODY), { code: 'UNAUTHENTICATED' });
  assert.equal(scheme.recheck?.(operator)?.code, 'UNAUTHENTICATED');
  assert.equal((await scheme.authenticate(`Bearer ${now}`, SOMEBODY))?.name, 'operator');
});

test('whoever has the token may operate, and nothing else', async () => {
  const operator = await chain.authenticate([`Bearer ${token}`], SOMEBODY);
  const configured = createAuthorizer({
    permissionGroupMapping: { submit_any_jobs: ['operator'] },
    permissionScopeMapping: {},
  });
  const authorizer = withOperators(configured);
  assert.deepEqual(
    PERMISSIONS.filter((permission) => authorizer.may(operator, permission)),
    ['operate'],
  );
  authorizer.demand(operator, 'operate');
  assert.throws(() => authorizer.demand(operator, 'delete_queue'), { code: 'PERMISSION_DENIED' });
  // A name proves nothing.
  assert.equal(authorizer.may({ ...operator, scheme: 'basic' }, 'operate'), false);
  assert.equal(configured.may(operator, 'operate'), false);
});
