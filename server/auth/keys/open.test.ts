import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../base/logger.ts';
import { authSchema } from '../config.ts';
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

test('begin() refuses the encryption key of another store', async () => {
  const keys = await open({ encryptionKey: randomSealingKey().toString('base64') });
  await keys?.load();
  await assert.rejects(async () => keys?.begin(), { code: 'INVALID_REQUEST' });
});
