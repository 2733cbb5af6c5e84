// Access keys and tokens as programs use them: by REST and gRPC, on one server and on several of one store.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  asOperator,
  asOwner,
  encryptionKey,
  keyring,
  known,
  newKey,
  newToken,
  rest,
  startKeyServer,
  startTwo,
} from './key-servers.ts';
import { callHttps } from './operator-calls.ts';
import { temporaryDirectory } from './programs.ts';

test('an access key is exchanged for a token, and both end when the key does', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startKeyServer(t, directory, { token: { byQuery: true } });
  const pair = await newKey(server);
  const token = await newToken(server, pair);
  assert.equal(await known(server, token), 'OK');
  assert.equal((await rest(server, 'GET /v1/keys', token)).body.keys[0]?.description, 'of a test');
  assert.equal((await rest(server, 'POST /v1/keys', token, {})).status, 403);

  const query = new URLSearchParams(pair);
  const byQuery = await rest(server, `GET /v1/key/token?${query.toString()}`);
  assert.equal(await known(server, `Bearer ${byQuery.body.token}`), 'OK');
  query.set('secret', 'guessed');
  assert.equal((await rest(server, `GET /v1/key/token?${query.toString()}`)).status, 401);
  assert.equal((await rest(server, 'POST /v1/key/token', '', { ...pair, secret: 'guessed' })).status, 401);

  const { headers, status } = await fetch(`${server.url}/v1/key/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(pair),
  });
  assert.equal(status, 200);
  assert.equal(headers.get('cache-control'), 'no-store');

  // A token is that of its user, and operates where its user may.
  const operating = await newToken(server, await newKey(server, asOperator));
  const path = '/v1/operator/keyring';
  assert.equal((await callHttps(server.access, { path, authorization: operating })).status, 200);
  assert.equal((await callHttps(server.access, { path, authorization: token })).status, 403);

  const id = pair.accessKey;
  assert.equal((await rest(server, `PUT /v1/keys/${id}`, token, { disabled: true })).body.key.disabled, true);
  for (const each of [token, `Bearer ${byQuery.body.token}`]) {
    assert.equal(await known(server, each), 'UNAUTHENTICATED');
  }
  assert.equal((await rest(server, 'POST /v1/key/token', '', pair)).status, 401);
  assert.equal((await rest(server, `PUT /v1/keys/${id}`, asOwner, { disabled: false })).status, 200);
  assert.equal(await known(server, token), 'OK');
  assert.equal((await rest(server, `DELETE /v1/keys/${id}`, asOperator)).status, 200);
  assert.equal(await known(server, token), 'UNAUTHENTICATED');

  const told = server.lines.join('\n');
  for (const secret of [pair.secret, token.slice('Bearer '.length), 'guessed', encryptionKey]) {
    assert.ok(!told.includes(secret), 'a secret is in the log');
  }
  for (const file of await readdir(join(directory, 'server'))) {
    assert.ok(!(await readFile(join(directory, 'server', file))).includes(pair.secret), `in ${file}`);
  }
});

test('keys and signing keys outlive the server; with another encryption key it does not start', async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await startKeyServer(t, directory);
  const pair = await newKey(first);
  const token = await newToken(first, pair);
  assert.equal((await rest(first, 'GET /v1/key/token')).status, 405);
  await first.kill('SIGTERM');
  const other = startKeyServer(t, directory, {
    token: { encryptionKey: randomBytes(32).toString('base64') },
  });
  await assert.rejects(other, /does not open the keyring/);
  const again = await startKeyServer(t, directory);
  assert.equal(await known(again, token), 'OK');
  assert.equal(await known(again, await newToken(again, pair)), 'OK');
});

test('what one server revokes is refused by all, within a moment', async (t) => {
  const { here, there } = await startTwo(t);
  const servers = [here, there];
  const pair = await newKey(here);
  const token = await newToken(there, pair);
  for (const server of servers) assert.equal(await known(server, token), 'OK');
  await rest(here, `PUT /v1/keys/${pair.accessKey}`, asOwner, { disabled: true });
  const revokedAt = performance.now();
  while ((await known(there, token)) === 'OK') await sleep(5);
  assert.ok(performance.now() - revokedAt < 2_000, `${performance.now() - revokedAt} ms`);
});

test('signing keys are changed under load without a valid call that fails', async (t) => {
  const { here, there } = await startTwo(t);
  const servers = [here, there];
  const pair = await newKey(here);
  const failures: unknown[] = [];
  let calls = 0;
  const over = new AbortController();
  const loading = servers.flatMap((server, i) =>
    Array.from({ length: 4 }, async () => {
      while (!over.signal.aborted) {
        const { status, body } = await rest(server, 'POST /v1/key/token', '', pair);
        const token = `Bearer ${body.token}`;
        for (const each of [servers[1 - i]!, server]) {
          const code = await known(each, token);
          if (status !== 200 || code !== 'OK') failures.push([status, code, body]);
          calls++;
        }
      }
    }),
  );

  const ids: string[] = [];
  for (let n = 0; n < 5; n++) {
    const { body } = await keyring(here, 'POST', { body: {} });
    const id = String(body?.['id']);
    let used = await keyring(here, 'PUT', { body: { id } });
    for (; used.status !== 200; used = await keyring(here, 'PUT', { body: { id } })) {
      assert.match(String(used.body?.['message']), /of 2 servers have signing key/);
    }
    ids.push(id);
    await sleep(100);
  }
  over.abort();
  await Promise.all(loading);
  assert.deepEqual(failures, []);
  assert.ok(calls > 100, `only ${calls} calls`);

  const { body } = await keyring(here, 'GET');
  const keys = body?.['keys'] as { id: string; primary?: boolean; replicas: number }[];
  assert.equal(body?.['servers'], 2);
  assert.equal(keys.length, 6);
  for (const { replicas } of keys) assert.equal(replicas, 2);
  assert.deepEqual(
    keys.filter(({ primary }) => primary).map(({ id }) => id),
    ids.slice(-1),
  );
  assert.ok(!JSON.stringify(body).includes('secret'));

  const [oldest] = keys;
  const token = await newToken(there, pair);
  assert.equal((await keyring(here, 'DELETE', { query: `?id=${ids.at(-1)}&force=true` })).status, 400);
  const early = await keyring(here, 'DELETE', { query: `?id=${oldest?.id}` });
  assert.match(String(early.body?.['message']), /are good until/);
  assert.equal((await keyring(here, 'DELETE', { query: `?id=${oldest?.id}&force=true` })).status, 200);
  for (const server of servers) assert.equal(await known(server, token), 'OK');
});
