// Tokens that are forged, over, or of elsewhere, on every door of a real server that
// also lets in whoever shows nothing: none of them is anybody, and nothing is fetched for one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { ClusterServiceService } from '@armada-ts/api/armada/operator/v1/cluster';
import { forgeries } from '@armada-ts/server/auth/keys/testing/forgeries';
import { type AnyMethod, call } from './calls.ts';
import { asOperator, type KeyServer, known, newKey, newToken, startKeyServer } from './key-servers.ts';
import { callHttps, openOperatorClient } from './operator-calls.ts';
import { temporaryDirectory } from './programs.ts';
import { authorization } from './users.ts';

const VALID_MS = 4_000;
const directory = await temporaryDirectory({ after });
const schemes: ['token', 'basic', 'anonymous'] = ['token', 'basic', 'anonymous'];

const opened = new AsyncDisposableStack();
let server: KeyServer;
/** Of another store, where tokens are soon over. */
let brief: KeyServer;
/** Where a token may say that there are keys. */
let bait: Server;
let fetched = 0;

before(async () => {
  const start = (name: string, token: object = {}) =>
    startKeyServer({ after: (fn) => opened.defer(fn) }, join(directory, name), { schemes, token });
  [server, brief] = await Promise.all([start('here'), start('brief', { validMs: VALID_MS })]);
  bait = createServer((_, answer) => {
    fetched++;
    answer.end('{"keys":[]}');
  }).listen(0, '127.0.0.1');
  await once(bait, 'listening');
});
after(async () => {
  bait.close();
  await opened.disposeAsync();
});

/** How each door answers. */
async function answers(value: string, at = server): Promise<string[]> {
  const { url, client, access } = at;
  const headers = { authorization: value };
  const operators = openOperatorClient(access);
  const asked = [
    known(at, value),
    call(client, QueueServiceService.getQueues as unknown as AnyMethod, { num: 0 }, authorization(value)),
    call(operators, ClusterServiceService.getVersion as unknown as AnyMethod, {}, authorization(value)),
    fetch(`${url}/v1/batched/queues`, { headers }),
    fetch(`${url}/api.Submit/Health`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'connect-protocol-version': '1' },
      body: '{}',
    }),
    callHttps(access, { path: '/version', authorization: value }),
  ] as const;
  const [plain, streamed, operator, rest, connect, https] = await Promise.all(asked);
  operators.close();
  return [plain, streamed.code, operator.code, ...[rest, connect, https].map(({ status }) => `${status}`)];
}

const LET_IN = ['OK', 'OK', 'OK', '200', '200', '200'];
const REFUSED = ['UNAUTHENTICATED', 'UNAUTHENTICATED', 'UNAUTHENTICATED', '401', '401', '401'];

test('whatever is made of a token without the key is refused on every door, and never anonymous', async () => {
  const token = await newToken(server, await newKey(server, asOperator));
  assert.deepEqual(await answers(token), LET_IN);
  const { port } = bait.address() as AddressInfo;
  const corpus = forgeries(token.slice('Bearer '.length), `http://127.0.0.1:${port}/keys`);
  for (const [what, forged] of corpus) {
    assert.deepEqual([what, ...(await answers(`Bearer ${forged}`))], [what, ...REFUSED]);
  }
  assert.deepEqual(await answers(token), LET_IN, 'what it was made of is good no more');
  assert.equal(fetched, 0, 'something was fetched');
  const told = server.lines.join('\n');
  for (const [what, forged] of corpus) assert.ok(!told.includes(forged), `${what} is in the log`);
});

test('a token of another store is refused, though its keyring is encrypted with the same key', async () => {
  const foreign = await newToken(brief, await newKey(brief, asOperator));
  assert.equal(await known(brief, foreign), 'OK');
  assert.deepEqual(await answers(foreign), REFUSED);
});

test('a token that is over is refused, and so are two at once', async () => {
  const pair = await newKey(brief, asOperator);
  const token = await newToken(brief, pair);
  assert.deepEqual(await answers(token, brief), LET_IN);
  await sleep(VALID_MS + 1_000);
  assert.deepEqual(await answers(token, brief), REFUSED);
  const fresh = await newToken(brief, pair);
  assert.deepEqual(await answers(`${fresh}, ${fresh}`, brief), REFUSED);
  assert.deepEqual(await answers(fresh, brief), LET_IN);
});
