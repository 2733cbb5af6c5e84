import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeyStore } from './keys/testing/servers.ts';
import { createLiveOperatorToken } from './live-operator-token.ts';
import { operatorToken } from './operator-token.ts';

const SECRET = Buffer.from('secret of the store');

test('renew() makes another token, which the other servers hear of and later ones find', async () => {
  const { store } = await createKeyStore().start();
  const kept = createKeyStore();
  const shared = (await kept.start()).store;
  const [one, other] = [1, 2].map(() => createLiveOperatorToken(shared, SECRET));
  assert.ok(one && other);
  await Promise.all([one.load(), other.load()]);
  assert.equal(one.current(), operatorToken(SECRET));
  await one.renew();
  assert.notEqual(one.current(), operatorToken(SECRET));
  assert.equal(other.current(), operatorToken(SECRET));
  for (const control of kept.log) other.apply(control);
  assert.equal(other.current(), one.current());
  const late = createLiveOperatorToken(shared, SECRET);
  await late.load();
  assert.equal(late.current(), one.current());

  const before = one.current();
  await one.renew();
  assert.notEqual(one.current(), before);
  // It has not heard of that yet, and makes no third one.
  await other.renew();
  assert.equal(other.current(), one.current());
  for (const control of kept.log) one.apply(control);
  assert.equal(one.current(), other.current(), 'an older record counts');

  // What is in a store alone is no token of it.
  const elsewhere = createLiveOperatorToken(shared, Buffer.from('another'));
  await elsewhere.load();
  assert.notEqual(elsewhere.current(), one.current());
  const fresh = createLiveOperatorToken(store, SECRET);
  await fresh.load();
  assert.equal(fresh.current(), operatorToken(SECRET));
});

test('renew() makes another token also where the store has lost what there was', async () => {
  const kept = createKeyStore();
  const { store } = await kept.start();
  const token = createLiveOperatorToken(store, SECRET);
  await token.load();
  await token.renew();
  const before = token.current();
  // As in a copy that was restored.
  for (const [key, { name }] of kept.records) if (name === 'operator-token') kept.records.delete(key);
  await token.renew();
  assert.notEqual(token.current(), before);
  assert.notEqual(token.current(), operatorToken(SECRET));
  const late = createLiveOperatorToken(store, SECRET);
  await late.load();
  assert.equal(late.current(), token.current());
});

test('renew() says so when there is no other token, and keeps what is good', async () => {
  const nothing = async () => ({ outcome: 'stale', current: undefined }) as const;
  const token = createLiveOperatorToken({ read: { controls: async () => [] }, control: nothing }, SECRET);
  await assert.rejects(token.renew(), { code: 'UNAVAILABLE' });
  assert.equal(token.current(), operatorToken(SECRET));
});

test('signing keys and the operator token do not get in the way of each other', async () => {
  const kept = createKeyStore();
  const server = await kept.start();
  const ids = server.held.ring().keys.map(({ id }) => id);
  const token = createLiveOperatorToken(server.store, SECRET);
  await token.load();
  await token.renew();
  for (const control of kept.log) server.held.apply(control);
  const late = await kept.start();
  for (const { held } of [server, late]) {
    assert.deepEqual(
      held.ring().keys.map(({ id }) => id),
      ids,
    );
  }
});
