// The operator token made anew while two servers of one store run.
import assert from 'node:assert/strict';
import { readFile, rm, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KeyServer, startTwo } from './key-servers.ts';
import { callHttps } from './operator-calls.ts';

/** Nobody goes on for longer with what they have lost. */
const BOUND_MS = 5_000;

async function tokenFileOf(server: KeyServer): Promise<string> {
  const [, path = ''] = await server.line(/token in (\S+)/);
  return path;
}

async function statusWith(authorization: string, { access }: KeyServer): Promise<number> {
  return (await callHttps(access, { path: '/v1/operator/keyring', authorization })).status;
}

test('who removes the file of the operator token has another, on all servers, also after a start', async (t) => {
  const two = await startTwo(t);
  const { here, there } = two;
  const files = await Promise.all([here, there].map(tokenFileOf));
  const [file = ''] = files;
  const before = here.access.authorization;
  assert.equal(before, there.access.authorization);
  for (const server of [here, there]) assert.equal(await statusWith(before, server), 200);

  await rm(file);
  const removedAtMs = performance.now();
  while ((await statusWith(before, here)) !== 401 || (await statusWith(before, there)) !== 401) {
    assert.ok(performance.now() - removedAtMs < BOUND_MS, 'the token before is still good');
    await sleep(50);
  }
  const texts = async () =>
    await Promise.all(files.map((each) => readFile(each, 'utf8').catch(() => 'not there')));
  let [one = '', other = ''] = await texts();
  for (; one !== other; [one = '', other = ''] = await texts()) {
    assert.ok(performance.now() - removedAtMs < 2 * BOUND_MS, 'the files do not hold the same token');
    await sleep(50);
  }
  const now = `Bearer ${one.trim()}`;
  assert.notEqual(now, before);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  for (const server of [here, there]) assert.equal(await statusWith(now, server), 200);

  // A server without the file begins with the token that there is.
  await there.kill('SIGTERM');
  await rm(files[1] ?? '');
  const back = await two.again();
  assert.equal(back.access.authorization, now);
  assert.equal(await statusWith(now, here), 200);
  assert.equal(await statusWith(before, back), 401);
});
