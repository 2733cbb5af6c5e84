import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { silentLogger } from '../../base/logger.ts';
import { createKey, deleteKey } from './access-keys.ts';
import { createHeldKeys } from './held-keys.ts';
import { ANN, createKeyStore } from './testing/servers.ts';

test('load() forgets what the store no longer has, whatever its versions', async () => {
  const kept = createKeyStore(100);
  const server = await kept.start();
  const { key } = await createKey(server, ANN, '');
  const [ring] = server.held.ring().keys;
  // An older copy of the store was brought back.
  kept.records.clear();
  await server.held.load();
  assert.equal(server.held.accessKey(key.id), undefined);
  assert.equal(server.held.accessKeysOf('ann').version, 0);
  assert.deepEqual(server.held.ring().keys, []);
  assert.notEqual(ring, undefined);
});

test('refresh() asks the store once a second, whoever asks, and takes nothing older than it has', async () => {
  let asked = 0;
  let nowMs = 0;
  const records = [{ name: 'keyring', version: 1, record: Buffer.of(0) }];
  const controls = async (kind: Control_Kind) => {
    asked += kind === Control_Kind.KIND_KEYRING ? 1 : 0;
    return kind === Control_Kind.KIND_KEYRING ? records : [];
  };
  const clock = { now: () => nowMs, elapsed: () => nowMs };
  const held = createHeldKeys({
    store: { read: { controls } },
    sealingKeys: () => [Buffer.alloc(32)],
    clock,
    logger: silentLogger,
  });
  await Promise.all(Array.from({ length: 50 }, () => held.refresh()));
  assert.deepEqual([asked, held.ring().version, held.ring().isClosed], [1, 1, true]);
  nowMs = 999;
  await held.refresh();
  assert.equal(asked, 1);
  nowMs = 1000;
  held.apply({ kind: Control_Kind.KIND_KEYRING, name: 'keyring', version: 2, record: undefined });
  await held.refresh();
  assert.deepEqual([asked, held.ring().version], [2, 2]);

  asked = 0;
  for (; nowMs < 600_000; nowMs += 100) await held.refresh();
  assert.ok(asked <= 16, `${asked} times in ten minutes in which nothing is found`);
  asked = 0;
  nowMs += 120_000;
  await held.refresh();
  assert.equal(asked, 1);
  nowMs += 1_999;
  await held.refresh();
  nowMs += 1;
  await held.refresh();
  assert.equal(asked, 2, 'as at first');
  const found = { name: 'keyring', version: 3, record: Buffer.of(0) };
  records.splice(0, 1, found);
  nowMs += 4_000;
  await held.refresh();
  nowMs += 1_000;
  await held.refresh();
  assert.deepEqual([asked, held.ring().version], [4, 3], 'as at first, too, when something was found');
});

test('apply() takes each record of the log once, and those of others not at all', async () => {
  const kept = createKeyStore();
  const [one, other] = [await kept.start(), await kept.start()];
  const { key } = await createKey(one, ANN, '');
  const afterCreate = [...kept.log];
  await deleteKey(one, ANN, key.id);
  for (const control of afterCreate) other.held.apply(control);
  assert.equal(other.held.accessKey(key.id)?.owner, 'ann');
  for (const control of kept.log) other.held.apply(control);
  for (const control of afterCreate) other.held.apply(control);
  assert.equal(other.held.accessKey(key.id), undefined);
  const { version } = other.held.ring();
  other.held.apply({ kind: Control_Kind.KIND_QUEUE, name: 'keyring', version: 1000, record: undefined });
  other.held.apply({ kind: Control_Kind.KIND_KEYRING, name: 'another', version: 1000, record: undefined });
  assert.equal(other.held.ring().version, version);
});
