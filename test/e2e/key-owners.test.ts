// Access keys of users who are changed while the server runs: what the keys are good for changes with them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashPassword } from '@armada-ts/server/auth/password';
import { stringify } from 'yaml';
import { type LocalServer, startLocalServer } from './in-process.ts';
import { temporaryDirectory } from './programs.ts';

/** Nobody goes on for longer with what they have lost. */
const BOUND_MS = 5_000;

const directory = await temporaryDirectory({ after });
const usersFile = join(directory, 'users.yaml');
const asAnn = `Basic ${btoa('ann:secret')}`;
let password: string;
let server: LocalServer;

before(async () => {
  password = await hashPassword('secret');
  await setUsers({ ann: { password, groups: ['team'] } });
  server = await startLocalServer(directory, {
    auth: {
      schemes: ['basic', 'token'],
      basic: { usersFile },
      token: { encryptionKey: randomBytes(32).toString('base64') },
      permissionGroupMapping: { create_queue: ['queue-makers'] },
    },
  });
});
after(() => server[Symbol.asyncDispose]());

function setUsers(users: object): Promise<void> {
  return writeFile(usersFile, stringify(users));
}

async function send(request: string, as: string, body?: object): Promise<Response> {
  const [method = '', path = ''] = request.split(' ');
  const headers = { ...(as && { authorization: as }), 'content-type': 'application/json' };
  return fetch(server.app.httpUrl + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

/** Resolves when the call is answered so, which must be within the bound. */
async function soon(status: number, ask: () => Promise<Response>): Promise<void> {
  const untilMs = performance.now() + BOUND_MS;
  let answer = await ask();
  while (answer.status !== status && performance.now() < untilMs) {
    await sleep(100);
    answer = await ask();
  }
  assert.equal(answer.status, status, await answer.text());
}

test('a key has the groups of its user as they are, and ends with its user, streams and all', async () => {
  const made = (await (await send('POST /v1/keys', asAnn, {})).json()) as {
    key: { id: string };
    secret: string;
  };
  const pair = { accessKey: made.key.id, secret: made.secret };
  const { token } = (await (await send('POST /v1/key/token', '', pair)).json()) as { token: string };
  const bearer = `Bearer ${token}`;
  const create = () => send('POST /v1/queue', bearer, { name: 'q', priorityFactor: 1 });
  assert.equal((await create()).status, 403);
  await setUsers({ ann: { password, groups: ['team', 'queue-makers'] } });
  await soon(200, create);

  const watch = await send('POST /v1/job-set/q/set', bearer, { queue: 'q', id: 'set', watch: true });
  assert.equal(watch.status, 200);
  await setUsers({ bob: { password } });
  const removedAtMs = performance.now();
  assert.match((await watch.text()).trim().split('\n').at(-1) ?? '', /UNAUTHENTICATED|"grpc_code":16/);
  assert.ok(performance.now() - removedAtMs < BOUND_MS, `${performance.now() - removedAtMs} ms`);
  await soon(401, () => send('GET /v1/keys', bearer));
  const again = await send('POST /v1/key/token', '', pair);
  assert.equal(again.status, 401);
  assert.match(await again.text(), /not among the users any more/);
  // The keys are still there for operators to see, and for the user who comes back.
  await setUsers({ ann: { password } });
  await soon(200, () => send('GET /v1/keys', bearer));
});
