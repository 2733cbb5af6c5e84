// An executor that comes with an access key: it works as with its user's own
// credentials, stops when the key is taken away, and goes on with another one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Connection,
  connect,
  createAccessKey,
  createQueue,
  deleteAccessKey,
  submitJob,
} from '@armada-ts/client';
import { ConfigError, parseConfig } from '@armada-ts/executor/config';
import { replaceFile } from './certificates.ts';
import { type LocalServer, startLocalServer, startPretending } from './in-process.ts';
import { callHttps } from './operator-calls.ts';
import { temporaryDirectory } from './programs.ts';
import { authSettings, EXECUTOR, OPERATOR, passwordOf } from './users.ts';

/** Nobody goes on for longer with what they have lost. */
const BOUND_MS = 5_000;

const directory = await temporaryDirectory({ after });
const accessKeyFile = join(directory, 'key.json');
let server: LocalServer;
let operator: Connection;
let user: Connection;

before(async () => {
  server = await startLocalServer(directory, {
    auth: {
      ...authSettings([OPERATOR, EXECUTOR]),
      schemes: ['basic', 'token'],
      token: { encryptionKey: randomBytes(32).toString('base64') },
    },
  });
  operator = connectAs(OPERATOR.name);
  user = connectAs(EXECUTOR.name);
  await createQueue(operator, { name: 'q' });
});
after(async () => {
  operator.close();
  user.close();
  await server[Symbol.asyncDispose]();
});

function connectAs(username: string): Connection {
  return connect({
    address: server.app.grpcAddress,
    basicAuth: { username, password: passwordOf(username) },
  });
}

async function newKeyFile(): Promise<string> {
  const { key, secret } = await createAccessKey(user, 'of an executor');
  assert.ok(key);
  await replaceFile(accessKeyFile, JSON.stringify({ accessKey: key.id, secret }));
  return key.id;
}

/** Submits a job, and resolves when it has run. */
async function aJobRuns(): Promise<void> {
  const handle = await submitJob(operator, { queue: 'q', command: ['true'], memory: '16Mi' });
  await handle.result({ signal: AbortSignal.timeout(20_000), mustSucceed: true });
}

/** Submits jobs until one does not run. In an array, as nobody is to wait for it yet. */
async function aJobThatWaits(): Promise<[Promise<void>]> {
  for (const untilMs = performance.now() + BOUND_MS; ; ) {
    const job = aJobRuns();
    if ((await Promise.race([job.then(() => 'ran'), sleep(1_500, 'waits')])) === 'waits') return [job];
    assert.ok(performance.now() < untilMs, 'the executor goes on with a key that was deleted');
  }
}

async function keyring(method: string, query = '', body?: object): Promise<Record<string, unknown>> {
  const { access } = server;
  const { status, body: answer } = await callHttps(access, {
    method,
    path: `/v1/operator/keyring${query}`,
    authorization: access.authorization,
    ...(body && { body }),
  });
  assert.equal(status, 200, JSON.stringify(answer));
  return answer ?? {};
}

test('an executor leases and reports with an access key, and with the next one that is put in its file', async () => {
  const first = await newKeyFile();
  await using executor = {
    running: await startPretending(directory, server.app.grpcAddress, {
      executorId: 'keyed',
      runMs: 10,
      server: { address: server.app.grpcAddress, accessKeyFile },
    }),
    [Symbol.asyncDispose]: () => executor.running.close(),
  };
  await aJobRuns();

  // Every token is refused from now on, and the key behind them is still good.
  const before = (await keyring('GET'))['keys'] as { id: string }[];
  const { id } = await keyring('POST', '', {});
  await keyring('PUT', '', { id });
  await keyring('DELETE', `?id=${before[0]?.id}&force=true`);
  await aJobRuns();

  await deleteAccessKey(user, first);
  const [waiting] = await aJobThatWaits();
  await newKeyFile();
  await waiting;
});

test('an executor does not start with a file that holds no access key, and shows nothing of it', async () => {
  for (const text of ['', '{}', 'armada-secret-x', '{"accessKey":"a","secret":7}']) {
    await writeFile(accessKeyFile, text);
    const started = startPretending(directory, 'localhost:1', {
      executorId: 'none',
      runMs: 10,
      server: { address: 'localhost:1', accessKeyFile },
    });
    await assert.rejects(started, (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /must hold an access key with its secret/);
      return !error.message.includes('armada-secret');
    });
  }
  const both = { username: 'a', accessKeyFile };
  assert.throws(() => parseConfig({ server: both }), /username and accessKeyFile exclude each other/);
});
