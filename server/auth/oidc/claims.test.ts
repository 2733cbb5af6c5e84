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

test('principalOf() finds no names where an object has others of its own', () => {
  const rules = { ...RULES, nameClaim: 'constructor', groupsClaim: '__proto__' };
  assert.throws(() => principalOf({ sub: 'ann' }, rules, []), { code: 'UNAUTHENTICATED' });
});
