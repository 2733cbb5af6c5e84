import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginKeyring, installKey, inUseUntilMs, removeKey, useKey } from './keyring.ts';
import { createKeyStore, randomSealingKey } from './testing/servers.ts';

test('the first servers of a store agree on one key', async () => {
  const kept = createKeyStore();
  const servers = await Promise.all([kept.start(), kept.start(), kept.start()]);
  const rings = servers.map(({ held }) => held.ring().keys.map(({ id, primary }) => [id, primary]));
  assert.equal(rings[0]?.length, 1);
  for (const ring of rings) assert.deepEqual(ring, rings[0]);
});

test('the store has signing keys encrypted only', async () => {
  const kept = createKeyStore();
  const server = await kept.start();
  await installKey(server, Buffer.alloc(32, 9));
  for (const { secret } of server.held.ring().keys) {
    for (const { record } of kept.log) assert.ok(!Buffer.from(record ?? []).includes(secret));
  }
});

test('installKey() takes 32 bytes, once, and no more than ten keys', async () => {
  const server = await createKeyStore().start();
  const key = Buffer.alloc(32, 1);
  const id = await installKey(server, key);
  assert.equal(await installKey(server, key), id);
  assert.equal(server.held.ring().keys.length, 2);
  for (const length of [1, 31, 33]) {
    await assert.rejects(installKey(server, Buffer.alloc(length)), { code: 'INVALID_REQUEST' });
  }
  for (let n = 3; n <= 10; n++) assert.match(await installKey(server, Buffer.alloc(0)), /^[0-9a-f]{20}$/);
  await assert.rejects(installKey(server, Buffer.alloc(0)), { code: 'KEY_LIMIT' });
});

test('removeKey() waits for the tokens that a key has signed, unless forced', async () => {
  const kept = createKeyStore();
  const server = await kept.start();
  const [first] = server.held.ring().keys;
  const unused = await installKey(server, Buffer.alloc(0));
  await removeKey(server, { id: unused, force: false });
  const second = await installKey(server, Buffer.alloc(0));
  await useKey(server, second);
  const old = server.held.ring().keys.find(({ id }) => id === first?.id);
  assert.ok(old && !old.primary);
  const remove = { id: old.id, force: false };
  await assert.rejects(removeKey(server, remove), { code: 'KEY_IN_USE', message: /are good until/ });
  kept.step((inUseUntilMs(old, server.validMs) ?? 0) - server.clock.now());
  await removeKey(server, remove);
  assert.deepEqual(
    server.held.ring().keys.map(({ id, primary }) => [id, primary]),
    [[second, true]],
  );
  await assert.rejects(removeKey(server, { id: second, force: true }), {
    code: 'KEY_IN_USE',
    message: /primary/,
  });
  for (const change of [removeKey(server, remove), useKey(server, 'none')]) {
    await assert.rejects(change, { code: 'KEY_NOT_FOUND' });
  }
});

test('a key that signs again is in use by what it signs then', async () => {
  const kept = createKeyStore();
  const server = await kept.start();
  const [first] = server.held.ring().keys;
  const other = await installKey(server, Buffer.alloc(0));
  await useKey(server, other);
  await useKey(server, first!.id);
  kept.step(server.validMs - 1000);
  await useKey(server, other);
  kept.step(5000);
  await assert.rejects(removeKey(server, { id: first!.id, force: false }), { code: 'KEY_IN_USE' });
});

test('the encryption key can be changed, and a server with another changes nothing', async () => {
  const kept = createKeyStore();
  const [old, next] = [randomSealingKey(), randomSealingKey()];
  const server = await kept.start([old]);
  const ids = server.held.ring().keys.map(({ id }) => id);
  const refused = { code: 'INVALID_REQUEST', message: /does not open the keyring/ };
  await assert.rejects(kept.start([next]), refused);
  const both = await kept.start([next, old]);
  const added = await installKey(both, Buffer.alloc(0));
  const only = await kept.start([next]);
  assert.deepEqual(
    only.held.ring().keys.map(({ id }) => id),
    [...ids, added],
  );
  // The first has heard of a keyring that it cannot read: it goes on with what it has.
  for (const control of kept.log) server.held.apply(control);
  assert.deepEqual(
    server.held.ring().keys.map(({ id }) => id),
    ids,
  );
  await assert.rejects(installKey(server, Buffer.alloc(0)), refused);
  await assert.rejects(beginKeyring(server), refused);
});
