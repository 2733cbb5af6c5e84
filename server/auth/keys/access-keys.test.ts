import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKey, deleteKey, keyOfPair, listKeys, MAX_KEYS, setKeyDisabled } from './access-keys.ts';
import { ANN, createKeyStore, OLGA } from './testing/servers.ts';

test('createKey() makes a pair that stands for its user, and keeps no secret', async () => {
  const kept = createKeyStore();
  const server = await kept.start();
  const made = await createKey(server, ANN, 'nightly');
  const found = await keyOfPair(server, { accessKey: made.key.id, secret: made.secret });
  assert.deepEqual([found.owner, found.key.groups, found.key.scopes], ['ann', ['team'], ['read']]);
  for (const { record } of kept.records.values()) {
    assert.ok(!Buffer.from(record ?? []).includes(made.secret.slice(-20)), 'the secret is in the store');
  }
  assert.deepEqual(
    listKeys(server, ANN, '').map(({ key }) => key.description),
    ['nightly'],
  );
});

test('keyOfPair() refuses whatever is not a pair in use, all alike', async () => {
  const server = await createKeyStore().start();
  const made = await createKey(server, ANN, '');
  const other = await createKey(server, ANN, '');
  const wrong = { code: 'UNAUTHENTICATED', message: 'the access key or its secret is wrong' };
  const { id } = made.key;
  const pairs = [
    { accessKey: '', secret: '' },
    { accessKey: id, secret: '' },
    { accessKey: id, secret: other.secret },
    { accessKey: id, secret: `${made.secret.slice(0, -1)}` },
    { accessKey: id, secret: 'a'.repeat(1_000_000) },
    { accessKey: 'armada-key-none', secret: made.secret },
    { accessKey: '__proto__', secret: made.secret },
  ];
  for (const pair of pairs) await assert.rejects(keyOfPair(server, pair), wrong);
  await setKeyDisabled(server, ANN, { id, disabled: true });
  const pair = { accessKey: id, secret: made.secret };
  await assert.rejects(keyOfPair(server, pair), { code: 'UNAUTHENTICATED', message: /disabled/ });
  await assert.rejects(keyOfPair(server, { accessKey: id, secret: other.secret }), wrong);
  await setKeyDisabled(server, ANN, { id, disabled: false });
  assert.equal((await keyOfPair(server, pair)).key.id, id);
  await deleteKey(server, ANN, id);
  await assert.rejects(keyOfPair(server, pair), wrong);
});

test('createKey() stops at the limit, also when servers do not yet know of each other', async () => {
  const kept = createKeyStore();
  const servers = [await kept.start(), await kept.start()];
  const made = await Promise.allSettled(
    Array.from({ length: 2 * MAX_KEYS }, (_, i) => createKey(servers[i % 2]!, ANN, `${i}`)),
  );
  const refused = made.filter(({ status }) => status === 'rejected');
  assert.equal(refused.length, MAX_KEYS);
  for (const one of refused) assert.equal(one.status === 'rejected' && one.reason.code, 'KEY_LIMIT');
  const [last] = listKeys(servers[0]!, ANN, '');
  await deleteKey(servers[0]!, ANN, last!.key.id);
  for (const control of kept.log) servers[1]!.held.apply(control);
  await createKey(servers[1]!, ANN, 'again');
});

test('createKey() makes none for who has no credentials of a user, nor with a description that cannot be shown', async () => {
  const server = await createKeyStore().start();
  for (const scheme of ['anonymous', 'token', 'operator-token']) {
    await assert.rejects(createKey(server, { ...ANN, scheme }, ''), { code: 'PERMISSION_DENIED' });
  }
  await assert.rejects(createKey(server, ANN, 'a\nb'), { code: 'INVALID_REQUEST' });
  await assert.rejects(createKey(server, ANN, 'a'.repeat(201)), { code: 'INVALID_REQUEST' });
  assert.deepEqual(listKeys(server, ANN, ''), []);
});

test('keys of others are as if they were not there, but to operators', async () => {
  const server = await createKeyStore().start();
  const { key } = await createKey(server, ANN, '');
  const bob = { ...ANN, name: 'bob' };
  const strangers = [bob, { ...bob, groups: ['ann'] }, { ...ANN, scheme: 'anonymous' }];
  for (const stranger of strangers) {
    assert.throws(() => listKeys(server, stranger, 'ann'), { code: 'PERMISSION_DENIED' });
    for (const id of [key.id, 'armada-key-none']) {
      const message = `you have no access key "${id}"`;
      await assert.rejects(deleteKey(server, stranger, id), { code: 'KEY_NOT_FOUND', message });
      const change = setKeyDisabled(server, stranger, { id, disabled: true });
      await assert.rejects(change, { code: 'KEY_NOT_FOUND', message });
    }
  }
  assert.deepEqual(listKeys(server, bob, ''), []);
  assert.equal(listKeys(server, OLGA, 'ann').length, 1);
  assert.equal((await setKeyDisabled(server, OLGA, { id: key.id, disabled: true })).owner, 'ann');
  await deleteKey(server, OLGA, key.id);
  assert.deepEqual(listKeys(server, ANN, ''), []);
});

test('a key of another server is known before the log tells of it', async () => {
  const kept = createKeyStore();
  const [here, there] = [await kept.start(), await kept.start()];
  const made = await createKey(there, ANN, '');
  const pair = { accessKey: made.key.id, secret: made.secret };
  assert.equal((await keyOfPair(here, pair)).owner, 'ann');
});
