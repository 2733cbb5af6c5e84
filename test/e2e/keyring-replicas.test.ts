// The keyring of several servers while one of them is away: what may be done then,
// and that the one that comes back takes and refuses what the others do.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { replaceFile } from './certificates.ts';
import {
  asOwner,
  encryptionKey,
  keyring,
  type KeyServer,
  known,
  newKey,
  newToken,
  rest,
  startTwo,
} from './key-servers.ts';
import { temporaryDirectory } from './programs.ts';

interface Key {
  id: string;
  primary?: boolean;
  replicas: number;
}

async function holders(server: KeyServer): Promise<{ servers: number; unreached: string[]; keys: Key[] }> {
  const { status, body } = await keyring(server, 'GET');
  assert.equal(status, 200, JSON.stringify(body));
  const { servers = 0, unreached = [], keys = [] } = body as Partial<Awaited<ReturnType<typeof holders>>>;
  return { servers, unreached, keys };
}

async function install(server: KeyServer): Promise<string> {
  const { body } = await keyring(server, 'POST', { body: {} });
  return String(body?.['id']);
}

test('a key becomes primary when all living servers have it, and servers that come back have it too', async (t) => {
  const two = await startTwo(t);
  const { here, there } = two;
  const pair = await newKey(here);
  const before = await newToken(here, pair);
  assert.equal(await known(there, before), 'OK');

  // It stands still: whether it has the key nobody can tell, so nothing is signed with it yet.
  there.process.kill('SIGSTOP');
  const id = await install(here);
  const { unreached, servers } = await holders(here);
  assert.deepEqual([servers, unreached], [2, ['s2']]);
  const early = await keyring(here, 'PUT', { body: { id } });
  assert.equal(early.status, 400, JSON.stringify(early.body));
  assert.match(String(early.body?.['message']), /1 of 2 servers have signing key .* no answer from s2/);
  assert.equal(await known(here, await newToken(here, pair)), 'OK');
  there.process.kill('SIGCONT');
  let used = await keyring(here, 'PUT', { body: { id } });
  for (; used.status !== 200; used = await keyring(here, 'PUT', { body: { id } })) await sleep(50);
  assert.equal(await known(there, await newToken(here, pair)), 'OK');

  // It is gone: the others go on without it.
  await there.kill('SIGKILL');
  const next = await install(here);
  used = await keyring(here, 'PUT', { body: { id: next } });
  for (; used.status !== 200; used = await keyring(here, 'PUT', { body: { id: next } })) await sleep(50);
  const [oldest] = (await holders(here)).keys;
  assert.equal((await keyring(here, 'DELETE', { query: `?id=${oldest?.id}&force=true` })).status, 200);
  const signedWhileAway = await newToken(here, pair);
  const revoked = await newToken(here, await newKey(here));
  const { body } = await rest(here, 'GET /v1/keys', asOwner);
  await rest(here, `DELETE /v1/keys/${body.keys.at(-1)?.id}`, asOwner);

  const back = await two.again();
  assert.equal(await known(back, signedWhileAway), 'OK');
  for (const server of [here, back]) {
    assert.equal(await known(server, before), 'UNAUTHENTICATED', 'signed with a key that was removed');
    assert.equal(await known(server, revoked), 'UNAUTHENTICATED', 'of an access key that was deleted');
  }
  let now = await holders(here);
  for (; now.servers < 2; now = await holders(here)) await sleep(50);
  assert.deepEqual(
    now.keys.map(({ id: each, replicas, primary = false }) => [each, replicas, primary]),
    [
      [id, 2, false],
      [next, 2, true],
    ],
  );
});

test('a server that stood still while a key was revoked refuses it as soon as it goes on', async (t) => {
  const { here, there } = await startTwo(t);
  const pair = await newKey(here);
  const token = await newToken(here, pair);
  assert.equal(await known(there, token), 'OK');
  there.process.kill('SIGSTOP');
  assert.equal((await rest(here, `DELETE /v1/keys/${pair.accessKey}`, asOwner)).status, 200);
  await sleep(500);
  there.process.kill('SIGCONT');
  const goesOnAtMs = performance.now();
  let code = await known(there, token);
  for (; code === 'OK'; code = await known(there, token)) await sleep(10);
  assert.equal(code, 'UNAUTHENTICATED');
  const tookMs = performance.now() - goesOnAtMs;
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
});

test('the encryption key of the keyring is changed while servers run', async (t) => {
  const encryptionKeyFile = join(await temporaryDirectory(t), 'encryption-key');
  const [old, next] = [encryptionKey, randomBytes(32).toString('base64')];
  await writeFile(encryptionKeyFile, old);
  const two = await startTwo(t, { encryptionKey: undefined, encryptionKeyFile });
  const { here, there } = two;
  const pair = await newKey(here);
  const token = await newToken(here, pair);
  const change = async (...keys: string[]): Promise<void> => {
    const said = /the encryption keys of the keyring have changed/;
    const before = [here, there].map(({ lines }) => lines.filter((line) => said.test(line)).length);
    await replaceFile(encryptionKeyFile, keys.join('\n'));
    for (const [i, { lines }] of [here, there].entries()) {
      while (lines.filter((line) => said.test(line)).length === before[i]) await sleep(50);
    }
  };
  await change(next, old);
  const [{ id } = { id: '' }] = (await holders(here)).keys;
  assert.equal((await keyring(here, 'PUT', { body: { id } })).status, 200);
  await change(next);
  for (const server of [here, there]) assert.equal(await known(server, token), 'OK');
  await there.kill('SIGTERM');
  const back = await two.again();
  assert.equal(await known(back, token), 'OK');
  assert.equal(await known(here, await newToken(back, pair)), 'OK');
});
