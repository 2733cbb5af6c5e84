// Callers behind proxies: each is who a trusted proxy says, for guesses and in the audit log, by gRPC and by HTTP.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, type Metadata } from '@grpc/grpc-js';
import { SubmitService } from '@armada-ts/api/api/submit';
import { type AnyMethod, call } from './calls.ts';
import { callHttps } from './operator-calls.ts';
import { temporaryDirectory } from './programs.ts';
import { operatorOf, startServer } from './server.ts';
import { authSettings, credentialsOf, OPERATOR, STRANGER } from './users.ts';

async function start(t: TestContext, trustedProxies: string[]) {
  const directory = await temporaryDirectory(t);
  const auth = authSettings([OPERATOR, STRANGER]);
  const audit = { file: join(directory, 'audit.jsonl') };
  const server = await startServer(directory, { auth, audit, trustedProxies });
  const client = new Client(server.address, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.kill('SIGKILL');
  });
  const sent = (password: string | undefined, client: string): Metadata => {
    const metadata = credentialsOf(STRANGER.name, password);
    metadata.set('x-forwarded-for', client);
    return metadata;
  };
  return {
    access: await operatorOf(server, directory),
    byGrpc: async (client_: string, password?: string): Promise<string> =>
      (await call(client, SubmitService.getQueue as AnyMethod, { name: 'q' }, sent(password, client_))).code,
    byHttp: async (path: string, client_: string, password?: string): Promise<number> => {
      const headers = Object.fromEntries(
        Object.entries(sent(password, client_).getMap()).map(([name, value]) => [name, String(value)]),
      );
      const isConnect = path.startsWith('/api.');
      const answer = await fetch(server.url + path, {
        headers: { ...headers, ...(isConnect && { 'content-type': 'application/json' }) },
        ...(isConnect && { method: 'POST', body: '{"name":"q"}' }),
      });
      await answer.arrayBuffer();
      return answer.status;
    },
    from: async (count: number): Promise<string[]> => {
      for (let tries = 0; ; tries++) {
        const lines = (await readFile(audit.file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
        if (lines.length >= count || tries > 200) {
          return lines.map((line) => String((JSON.parse(line) as { from: string }).from));
        }
        await sleep(25);
      }
    },
  };
}

const CONNECT_PATH = '/api.Submit/GetQueue';
const REST_PATH = '/v1/queue/q';

test('who comes by way of a trusted proxy is counted and recorded as whom it names', async (t) => {
  const { byGrpc, byHttp, from, access } = await start(t, ['127.0.0.0/8']);
  // What clients put before what the proxy adds is their own invention.
  for (let i = 0; i < 20; i++) {
    assert.equal(await byGrpc(`203.0.113.${i}, 198.51.100.1`, `guess ${i}`), 'UNAUTHENTICATED');
  }
  assert.equal(await byGrpc('198.51.100.1', 'guess'), 'RESOURCE_EXHAUSTED');
  assert.equal(await byHttp(REST_PATH, '198.51.100.1', 'guess'), 429);
  assert.equal(await byHttp(CONNECT_PATH, '203.0.113.1, 198.51.100.1', 'guess'), 429);
  assert.equal(await byHttp(REST_PATH, '198.51.100.2', 'guess'), 401, 'somebody else');
  assert.equal(await byHttp(CONNECT_PATH, '2001:db8::7', 'guess'), 401);
  assert.equal(await byGrpc('198.51.100.3'), 'NOT_FOUND', 'the user, from elsewhere');

  const refused = await callHttps(access, {
    path: '/v1/operator/cluster/configuration',
    headers: { 'x-forwarded-for': '192.0.2.5' },
  });
  assert.equal(refused.status, 401);
  const recorded = await from(23);
  assert.deepEqual(
    new Set(recorded),
    new Set(['198.51.100.1', '198.51.100.2', '[2001:db8::7]', '192.0.2.5']),
  );
});

test('what anybody else says of where they come from is not believed', async (t) => {
  const { byGrpc, byHttp, from } = await start(t, ['192.0.2.0/24']);
  for (let i = 0; i < 20; i++) await byGrpc(`203.0.113.${i}`, `guess ${i}`);
  assert.equal(await byGrpc('203.0.113.99', 'guess'), 'RESOURCE_EXHAUSTED');
  assert.equal(await byHttp(REST_PATH, '203.0.113.99', 'guess'), 429);
  assert.ok((await from(20)).every((peer) => peer.startsWith('127.0.0.1:')));
});
