import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kerberosSchema } from './config.ts';

const service = { keytab: 'http.keytab', principals: ['HTTP/armada.example.com@EXAMPLE.COM'] };
const ldap = {
  url: 'ldaps://ldap.example.com',
  realm: 'EXAMPLE.COM',
  userSearchBase: 'ou=people,dc=example,dc=com',
  groupSearchBase: 'ou=groups,dc=example,dc=com',
};

function faultsOf(more: object): string[] {
  const parsed = kerberosSchema.safeParse({ ...service, ...more });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
}

test('kerberosSchema takes what the documentation shows', () => {
  assert.deepEqual(faultsOf({ realms: { 'EXAMPLE.COM': {} }, ldap }), []);
  assert.deepEqual(faultsOf({ ldap: { ...ldap, url: 'ldap://ldap.example.com:389', startTls: true } }), []);
  assert.deepEqual(faultsOf({ ldap: { ...ldap, url: 'ldap://127.0.0.1:3890' } }), []);
});

test('kerberosSchema refuses what would let in the wrong people', () => {
  const realms = { 'EXAMPLE.COM': {}, 'PARTNER.COM': {} };
  const table: [object, RegExp][] = [
    [{ realms }, /realms must give each realm a userNameSuffix of its own/],
    [{ principals: [] }, /principals/],
    [{ principals: ['HTTP@armada.example.com'] }, /principals.0 must be like/],
    [{ names: { 'ann@EXAMPLE.COM': 'a\nb' } }, /without control characters/],
    [{ ldap: { ...ldap, url: 'ldap://ldap.example.com' } }, /ldap must use ldaps/],
    [{ ldap: { ...ldap, url: 'ldap://localhost.example.com' } }, /ldap must use ldaps/],
    [{ ldap: { ...ldap, userSearchBase: undefined } }, /ldap must have a userSearchBase/],
    [{ ldap: { ...ldap, bindName: 'cn=reader' } }, /ldap must have both of bindName/],
  ];
  for (const [more, expected] of table) assert.match(faultsOf(more).join('; '), expected);
});
