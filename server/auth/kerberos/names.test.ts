import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNameSearch, createNaming, plainUser } from './names.ts';

test('createNaming() lets in users of its realms and principals that are named whole, and nobody else', () => {
  const nameOf = createNaming({
    realms: { 'EXAMPLE.COM': { userNameSuffix: '' }, 'PARTNER.COM': { userNameSuffix: '@partner' } },
    names: { 'ann/admin@EXAMPLE.COM': 'ann-admin', 'bob@ELSEWHERE.COM': 'bob' },
  });
  const table: [string, string | undefined][] = [
    ['ann@EXAMPLE.COM', 'ann'],
    ['ann@PARTNER.COM', 'ann@partner'],
    ['ann/admin@EXAMPLE.COM', 'ann-admin'],
    ['ann/admin@PARTNER.COM', undefined],
    ['bob@ELSEWHERE.COM', 'bob'],
    ['ann@ELSEWHERE.COM', undefined],
    ['ann@example.com', undefined],
    ['ann@EXAMPLE.COM.EVIL.COM', undefined],
    ['ann\\@partner@EXAMPLE.COM', undefined],
    ['ann@PARTNER.COM@EXAMPLE.COM', undefined],
    ['ann\n@EXAMPLE.COM', undefined],
    ['@EXAMPLE.COM', undefined],
    ['ann', undefined],
    ['__proto__@constructor', undefined],
    ['constructor', undefined],
  ];
  for (const [client, name] of table) assert.equal(nameOf(client), name, client);
});

test('createNameSearch() finds who has a name, as createNaming() gives it', () => {
  const clientNamed = createNameSearch({
    realms: { 'EXAMPLE.COM': { userNameSuffix: '' }, 'PARTNER.COM': { userNameSuffix: '@partner' } },
    names: { 'batch/nightly@EXAMPLE.COM': 'nightly', 'ann@ELSEWHERE.COM': 'ann' },
  });
  const table: [string, string | undefined][] = [
    ['bob', 'bob@EXAMPLE.COM'],
    ['bob@partner', 'bob@PARTNER.COM'],
    ['nightly', 'batch/nightly@EXAMPLE.COM'],
    ['ann', 'ann@ELSEWHERE.COM'],
    ['@partner', undefined],
    ['bob@other', undefined],
    ['bob/admin', undefined],
    ['', undefined],
  ];
  for (const [name, client] of table) assert.equal(clientNamed(name), client, name);
});

test('plainUser() takes apart what is a user and a realm', () => {
  assert.deepEqual(plainUser('ann@EXAMPLE.COM'), { user: 'ann', realm: 'EXAMPLE.COM' });
  assert.equal(plainUser('HTTP/host@EXAMPLE.COM'), undefined);
});
