import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepLogin, loginAuthorization, loginFile } from './kept-login.ts';

test('keepLogin() waits until the login before is renewed, which would replace it', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'armada-login-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const client = { providerUrl: 'https://login.example.com', clientId: 'cli', scopes: ['openid'] };
  const login = { accessToken: 'one', expiresAtMs: 1, refreshToken: undefined };
  await keepLogin(home, client, login);
  const file = loginFile(home, client);
  const kept = async () => JSON.parse(await readFile(file, 'utf8')).accessToken;
  // As whoever renews it holds it.
  await writeFile(`${file}.lock`, '');
  const keeping = keepLogin(home, client, { ...login, accessToken: 'two' });
  await sleep(100);
  assert.equal(await kept(), 'one');
  await rm(`${file}.lock`);
  await keeping;
  assert.equal(await kept(), 'two');
  assert.deepEqual(await readdir(dirname(file)), [basename(file)]);
});

test('loginAuthorization() uses what is left of a token while the provider is away', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'armada-login-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  // Nobody listens there.
  const client = { providerUrl: 'http://127.0.0.1:1', clientId: 'cli', scopes: ['openid'] };
  const keep = (expiresInMs: number) =>
    keepLogin(home, client, {
      accessToken: 'kept',
      expiresAtMs: Date.now() + expiresInMs,
      refreshToken: 'refresh',
    });
  await keep(20_000);
  const authorization = loginAuthorization(home, client);
  assert.equal(await authorization(), 'Bearer kept');
  authorization.refused('Bearer kept');
  await assert.rejects(authorization(), /cannot be renewed .*log in again/);
  await keep(-1);
  await assert.rejects(loginAuthorization(home, client)(), /cannot be renewed/);
});
