import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Claims, principalOf } from './claims.ts';

const RULES = { nameClaim: 'sub', userNameSuffix: '', groupsClaim: 'groups', groupNameSuffix: '' };
const about = (claims: Claims) => principalOf({ sub: 'ann', ...claims }, RULES, ['role']);

test('principalOf() takes groups from a text or a list, whole or not at all', () => {
  const cases: [groups: unknown, expected: string[] | undefined][] = [
    [undefined, []],
    [null, []],
    [[], []],
    ['one', ['one']],
    ['one two', ['one two']],
    [
      ['one', 'two'],
      ['one', 'two'],
    ],
    [
      [1, true],
      ['1', 'true'],
    ],
    ['', undefined],
    [['one', ''], undefined],
    [['one', null], undefined],
    [['one', ['two']], undefined],
    [{ one: true }, undefined],
    [['one\u0000'], undefined],
    ['x'.repeat(257), undefined],
  ];
  for (const [groups, expected] of cases) {
    const shown = JSON.stringify(groups);
    if (expected === undefined) assert.throws(() => about({ groups }), { code: 'UNAUTHENTICATED' }, shown);
    else assert.deepEqual(about({ groups }).groups, expected, shown);
  }
});

test('principalOf() reads scopes from scope, else from scp, and keeps no claims but those that decide', () => {
  assert.deepEqual(about({ scope: ' a  b ', scp: 'c' }).scopes, ['a', 'b']);
  assert.deepEqual(about({ scp: ['c', 'd'] }).scopes, ['c', 'd']);
  assert.deepEqual(about({ scope: 'x '.repeat(300) }).scopes.length, 300);
  assert.deepEqual(about({ role: ['lead'], other: 'x' }).claims, new Map([['role', ['lead']]]));
  assert.deepEqual(about({}).claims, new Map([['role', []]]));
  assert.equal('claims' in principalOf({ sub: 'ann', role: 'x' }, RULES, []), false);
});

test('principalOf() finds claims within claims, of one name with dots first', () => {
  const roles = (claims: Claims, groupsClaim = 'realm_access.roles') =>
    principalOf({ sub: 'ann', ...claims }, { ...RULES, groupsClaim }, []).groups;
  const nested = { realm_access: { roles: ['a', 'b'] } };
  assert.deepEqual(roles(nested), ['a', 'b']);
  assert.deepEqual(roles({ ...nested, 'realm_access.roles': 'c' }), ['c']);
  assert.deepEqual(roles({ 'https://example.com/groups': 'd' }, 'https://example.com/groups'), ['d']);
  const client = { resource_access: { 'armada.cli': { roles: ['e'] } } };
  assert.deepEqual(roles(client, 'resource_access.armada.cli.roles'), ['e']);
  for (const none of [{}, { realm_access: 'roles' }, { realm_access: [['roles']] }, { realm_access: null }])
    assert.deepEqual(roles(none), []);
  assert.throws(() => roles({ realm_access: { roles: { a: true } } }), { code: 'UNAUTHENTICATED' });
  assert.deepEqual(roles(nested, 'realm_access.roles.length'), []);
  assert.deepEqual(roles(nested, 'realm_access.constructor.name'), []);
  const named = principalOf({ user: { id: 'ben' } }, { ...RULES, nameClaim: 'user.id' }, ['user.id']);
  assert.deepEqual([named.name, named.claims?.get('user.id')], ['ben', ['ben']]);
});

test('principalOf() finds no names where an object has others of its own', () => {
  const rules = { ...RULES, nameClaim: 'constructor', groupsClaim: '__proto__' };
  assert.throws(() => principalOf({ sub: 'ann' }, rules, []), { code: 'UNAUTHENTICATED' });
});
