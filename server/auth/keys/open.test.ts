import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../base/logger.ts';
import { authSchema } from '../config.ts';
import { installKey, useKey } from './keyring.ts';
import { openKeys } from './open.ts';
import { createKeyStore, randomSealingKey } from './testing/servers.ts';

const text = randomSealingKey().toString('base64');

async function open(token: object, schemes = ['token']) {
  const { store, clock } = await createKeyStore().start([Buffer.from(text, 'base64')]);
  return openKeys(authSchema.parse({ schemes, token }), { store, clock, logger: silentLogger });
}

test('openKeys() takes the encryption key from the configuration or from a file', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-keys-'));
  t.after(() => rm(directory, { recursive: true }));
  const encryptionKeyFile = join(directory, 'key');
  await writeFile(encryptionKeyFile, `${text}\n`);
  for (const token of [{ encryptionKey: text }, { encryptionKeyFile }]) {
    const keys = await open(token);
    await keys?.load();
    await keys?.begin();
    assert.equal(keys?.signingKeys().length, 1);
  }
  await writeFile(encryptionKeyFile, 'secret');
  await assert.rejects(open({ encryptionKeyFile }), {
    code: 'INVALID_REQUEST',
    message: /32 bytes in base64/,
  });
  await rm(encryptionKeyFile);
  await assert.rejects(open({ encryptionKeyFile }), { code: 'INVALID_REQUEST', message: /no such file/ });
});

test('openKeys() says in a sentence what is missing or too much, and opens nothing where nothing is configured', async () => {
  const sentence = { code: 'INVALID_REQUEST', message: /openssl rand -base64 32/ };
  await assert.rejects(open({}), sentence);
  await assert.rejects(open({ encryptionKey: text, encryptionKeyFile: '/key' }), sentence);
  assert.equal(await open({}, ['basic']), undefined);
  assert.throws(() => authSchema.parse({ schemes: ['token'], token: { encryptionKey: 'short' } }));
});

test('the encryption key is changed while a server runs, and not before all can be read with it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-keys-'));
  const encryptionKeyFile = join(directory, 'key');
  const next = randomSealingKey().toString('base64');
  const put = (...lines: string[]) => writeFile(encryptionKeyFile, lines.join('\n'));
  await put(text);
  const kept = createKeyStore();
  const { store, clock } = await kept.start([Buffer.from(text, 'base64')]);
  const faults: string[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => faults.push(JSON.stringify(fields)) };
  const config = authSchema.parse({ schemes: ['token'], token: { encryptionKeyFile } });
  const keys = await openKeys(config, { store, clock, logger, lookMs: 5 });
  assert.ok(keys);
  t.after(async () => {
    await keys[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  await keys.load();
  await keys.begin();
  const [first = ''] = keys.signingKeys();
  const first64 = (): string => keys.sealingKeys()[0].toString('base64');

  await put(next);
  while (!faults.some((fault) => fault.includes('lacks the key'))) await sleep(5);
  await put('no key');
  while (!faults.some((fault) => fault.includes('32 bytes'))) await sleep(5);
  assert.equal(first64(), text, 'what cannot be used counts');

  await put(next, text);
  while (first64() !== next) await sleep(5);
  await assert.rejects(kept.start([Buffer.from(next, 'base64')]), { code: 'INVALID_REQUEST' });
  await useKey({ ...keys, store, clock }, first);
  await put(next);
  while (keys.sealingKeys().length > 1) await sleep(5);
  const other = await kept.start([Buffer.from(next, 'base64')]);
  assert.deepEqual(
    other.held.ring().keys.map(({ id }) => id),
    [first],
  );
});

test('a server that could not read the keyring does as soon as its file has the key', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-keys-'));
  const encryptionKeyFile = join(directory, 'key');
  await writeFile(encryptionKeyFile, text);
  const kept = createKeyStore();
  const next = randomSealingKey();
  const { store, clock, ...ahead } = await kept.start([Buffer.from(text, 'base64')]);
  const config = authSchema.parse({ schemes: ['token'], token: { encryptionKeyFile } });
  const keys = await openKeys(config, { store, clock, logger: silentLogger, lookMs: 5 });
  assert.ok(keys);
  t.after(async () => {
    await keys[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  await keys.load();
  const id = await installKey({ ...ahead, store, clock, sealingKeys: () => [next] }, Buffer.alloc(0));
  for (const { kind, name, version, record } of kept.log) keys.held.apply({ kind, name, version, record });
  assert.equal(keys.held.ring().isClosed, true);
  await writeFile(encryptionKeyFile, `${text}\n${next.toString('base64')}`);
  while (keys.held.ring().isClosed) await sleep(5);
  assert.ok(keys.signingKeys().includes(id));
});

test('begin() refuses the encryption key of another store', async () => {
  const keys = await open({ encryptionKey: randomSealingKey().toString('base64') });
  await keys?.load();
  await assert.rejects(async () => keys?.begin(), { code: 'INVALID_REQUEST' });
});
