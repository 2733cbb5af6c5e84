// The operator port of real servers: what it proves, what it tells without
// credentials, what it keeps, and the servers of one store seen through it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { ClusterServiceService } from '@armada-ts/api/armada/operator/v1/cluster';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import type { ConfigInput } from '@armada-ts/server/config';
import { makeAuthority, makeServerCertificate } from '@armada-ts/server/tls/certificate';
import { Client, credentials } from '@grpc/grpc-js';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { type AnyMethod, call } from './calls.ts';
import { callHttps, openOperatorClient, presenting } from './operator-calls.ts';
import { root, type Standalone, temporaryDirectory } from './programs.ts';
import { type OperatorAccess, operatorOf, startServer } from './server.ts';
import { authSettings, credentialsOf, OPERATOR } from './users.ts';

const CONFIGURATION = '/v1/operator/cluster/configuration';

type Started = Standalone & { access: OperatorAccess };

const directory = await temporaryDirectory({ after });
let server: Started;

before(async () => {
  server = await launch(directory, { logLevel: 'debug' });
});

after(() => server.kill('SIGKILL'));

async function launch(place: string, settings: Partial<ConfigInput> = {}): Promise<Started> {
  const program = await startServer(place, {
    auth: standaloneAuth,
    store: { acknowledgement: 'local' },
    ...settings,
  });
  return { ...program, access: await operatorOf(program, place) };
}

/** One that ends with the test. */
async function start(t: TestContext, place: string, settings: Partial<ConfigInput> = {}): Promise<Started> {
  const started = await launch(place, settings);
  t.after(() => started.kill('SIGKILL'));
  return started;
}

function portOf({ address }: OperatorAccess): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** Rejects when no connection comes about. */
function handshake(access: OperatorAccess, options: object): Promise<string | null> {
  const port = Number(new URL(access.url).port);
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ...options }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('the operator port talks TLS only, proves who it is, and serves both versions of HTTP', async () => {
  const { access } = server;
  const ca = access.authority;
  assert.equal(await handshake(access, { ca }), 'TLSv1.3');
  assert.equal(await handshake(access, { ca, maxVersion: 'TLSv1.2' }), 'TLSv1.2');
  const old = { ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
  await assert.rejects(handshake(access, old));
  await assert
    .rejects(handshake(access, {}), { code: 'SELF_SIGNED_CERT_IN_CHAIN' })
    .catch(() => assert.rejects(handshake(access, {}), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }));
  await assert.rejects(handshake(access, { ca, servername: 'example.com' }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });

  const session = connectHttp2(access.url, { ca });
  const stream = session.request({ ':path': '/health' });
  const status = await new Promise((resolve) =>
    stream.on('response', (headers) => resolve(headers[':status'])),
  );
  session.destroy();
  assert.equal(status, 200);
  const plain = httpRequest(access.url.replace('https', 'http')).end();
  await assert.rejects(new Promise((resolve, reject) => plain.on('response', resolve).on('error', reject)));

  const getVersion = ClusterServiceService.getVersion as AnyMethod;
  const ask = async (client: Client): Promise<string> => {
    const { code } = await call(client, getVersion, { clientVersion: '' }, presenting(access));
    client.close();
    return code;
  };
  const localhost = { 'grpc.ssl_target_name_override': 'localhost' };
  assert.equal(await ask(openOperatorClient(access)), 'OK');
  assert.equal(await ask(new Client(access.address, credentials.createSsl(), localhost)), 'UNAVAILABLE');
  assert.equal(await ask(new Client(access.address, credentials.createInsecure())), 'UNAVAILABLE');
  assert.notEqual(portOf(access), Number(new URL(access.url).port));
});

test('health and readiness are told to anybody, and say what was looked at', async () => {
  const { access } = server;
  const health = await callHttps(access, { path: '/health' });
  assert.deepEqual([health.status, health.body?.['status']], [200, 'ok']);
  const ready = await callHttps(access, { path: '/ready' });
  assert.deepEqual(ready.body, {
    status: 'ok',
    checks: ['server', 'scheduler', 'store'].map((name) => ({ name, ok: true })),
  });
  assert.equal((await callHttps(access, { path: '/version' })).status, 401);
  const strange = await callHttps(access, { path: '/health', headers: { host: 'evil.example.com' } });
  assert.equal(strange.status, 421);
  const elsewhere = await callHttps(access, {
    path: '/health',
    headers: { origin: 'https://evil.example.com' },
  });
  assert.equal(elsewhere.status, 403);
});

test('a certificate may be given, and one that cannot be used is told of in one line', async (t) => {
  const directory = await temporaryDirectory(t);
  const validity = { fromMs: Date.now() - 60_000, untilMs: Date.now() + 3_600_000 };
  const authority = await makeAuthority(validity);
  const made = await makeServerCertificate(
    authority,
    ['armada.example.com', 'localhost', '127.0.0.1'],
    validity,
  );
  const [certificateFile, keyFile] = [join(directory, 'given.pem'), join(directory, 'given.key')];
  await writeFile(certificateFile, `${made.certificate}${authority.certificate}`);
  await writeFile(keyFile, made.key, { mode: 0o600 });
  const settings = {
    auth: authSettings([OPERATOR]),
    operator: { tls: { certificateFile, keyFile }, names: ['armada.example.com'], token: false },
  };
  const given = await startServer(directory, settings);
  t.after(() => given.kill('SIGKILL'));
  const [, url = '', address = ''] = await given.line(/operator port (https:\/\/\S+), gRPC ([^\s,]+)/);
  assert.ok(!given.lines.some((line) => line.includes('token')));
  const access = {
    url,
    address,
    authority: authority.certificate,
    authorization: String(credentialsOf(OPERATOR.name).get('authorization')[0]),
  };
  const named = { host: 'armada.example.com', 'x-request-id': 'mine' };
  const { status, headers } = await callHttps(access, { path: '/version', headers: named, ...access });
  assert.deepEqual([status, headers['x-request-id']], [200, 'mine']);
  using client = Object.assign(openOperatorClient(access), { [Symbol.dispose]: () => client.close() });
  const { code } = await call(
    client,
    ClusterServiceService.getVersion as AnyMethod,
    { clientVersion: '' },
    presenting(access),
  );
  assert.equal(code, 'OK');

  assert.deepEqual((await readdir(directory)).includes('operator'), false, 'there is nothing to keep');

  await writeFile(keyFile, authority.key);
  const other = await temporaryDirectory(t);
  const refused = startServer(other, settings);
  await assert.rejects(
    refused,
    /armada-server: operator\.tls\.keyFile must hold the key of the first certificate/,
  );
});

test('a client that is too new or too old is told so on every call, on every port', async () => {
  const { access } = server;
  const noticeFor = async (version: string): Promise<(string | undefined)[]> => {
    const headers = { 'armada-client-version': version };
    const known = await callHttps(access, { path: CONFIGURATION, headers, ...access });
    const unknown = await callHttps(access, { path: CONFIGURATION, headers });
    const main = await fetch(`${server.url}/v1/queue/none`, { headers });
    const connect = await fetch(`${server.url}/api.Submit/GetQueue`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"name":"none"}',
    });
    return [
      ...[known, unknown].map((answer) => String(answer.headers['armada-version-notice'])),
      ...[main, connect].map((answer) => String(answer.headers.get('armada-version-notice') ?? undefined)),
    ];
  };
  const tooNew = await noticeFor('9.9.9');
  assert.equal(tooNew.length, 4);
  for (const notice of tooNew) assert.match(notice ?? '', /9\.9\.9.*update the server/);
  for (const notice of await noticeFor('0.0.1')) assert.match(notice ?? '', /update the client/);
  assert.deepEqual(new Set(await noticeFor('0.1.0')), new Set(['undefined']));

  const { body } = await callHttps(access, { path: '/version?client_version=0.0.1', ...access });
  assert.equal(body?.['compatibility'], 'ClientTooOld');
  assert.match(String(body?.['advice']), /update the client/);
});

test('what docs/operator-port.md shows works', async (t) => {
  const page = await readFile(join(root, 'docs/operator-port.md'), 'utf8');
  const [, block = ''] = /<!-- operator-port\b[^>]*-->\n```sh\n([\s\S]*?)```/.exec(page) ?? [];
  const place = await temporaryDirectory(t);
  await mkdir(join(place, 'data'));
  await symlink(join(directory, 'operator'), join(place, 'data/operator'));
  const port = new URL(server.access.url).port;
  const commands = block.replaceAll('https://localhost:8628', `https://localhost:${port}`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', `${commands}\n`], { cwd: place });
  for (const expected of ['"oldestClient":"', '"leader":true', '"checks":['])
    assert.ok(stdout.includes(expected), stdout);
});

test('certificate and token are made once, kept for the owner alone, and never logged', async (t) => {
  assert.equal((await callHttps(server.access, { path: '/version', ...server.access })).status, 200);
  assert.equal(await server.kill('SIGTERM'), 0);
  const again = await start(t, directory);
  assert.equal(again.access.authority, server.access.authority);
  assert.equal(again.access.authorization, server.access.authorization);
  assert.equal((await callHttps(again.access, { path: '/version', ...again.access })).status, 200);
  for (const name of ['token', 'ca-key.pem', 'server.pem']) {
    assert.equal((await stat(join(directory, 'operator', name))).mode & 0o777, 0o600, name);
  }
  const token = server.access.authorization.replace('Bearer ', '');
  assert.ok(![...server.lines, ...again.lines].some((line) => line.includes(token)));
  assert.ok(server.lines.some((line) => line.includes(join(directory, 'operator', 'token'))));
});

interface ListedServer {
  id: string;
  name: string;
  address: string;
  leader?: boolean;
  voter?: boolean;
  alive?: boolean;
}

test('the servers of one store are listed, the dead can be struck off, and are listed anew when they come back', async (t) => {
  const directory = await temporaryDirectory(t);
  const redis = await startRedis(await createDirectory(), [
    '--save',
    '',
    '--appendonly',
    'no',
    '--loglevel',
    'warning',
  ]);
  t.after(() => redis.kill());
  const store = { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' } as const;
  const member = (name: string): Promise<Started> => start(t, join(directory, name), { name, store });
  const [one, two] = [await member('one'), await member('two')];
  assert.equal(one.access.authorization, two.access.authorization, 'the token is of the store');
  assert.notEqual(one.access.authority, two.access.authority);

  const listed = async (stale = false): Promise<ListedServer[]> => {
    const { status, body } = await callHttps(one.access, {
      path: `${CONFIGURATION}?stale=${stale}`,
      ...one.access,
    });
    assert.equal(status, 200, JSON.stringify(body));
    return body?.['servers'] as ListedServer[];
  };
  const named = async (name: string): Promise<ListedServer | undefined> =>
    (await listed()).find((each) => each.name === name);
  const leaders = async (): Promise<string[]> =>
    (await listed()).filter(({ leader }) => leader).map(({ name }) => name);
  const remove = (address: string) =>
    callHttps(one.access, {
      method: 'DELETE',
      path: `/v1/operator/cluster/peer?address=${address}`,
      ...one.access,
    });

  const both = await listed();
  assert.deepEqual(
    both.map(({ name, leader = false, voter, alive }) => [name, leader, voter, alive]),
    [
      ['one', true, true, true],
      ['two', false, true, true],
    ],
  );
  const { address: addressOfTwo, id } = both[1]!;
  assert.equal((await remove(addressOfTwo)).status, 400, 'it is alive');
  assert.equal((await remove('nobody:1')).status, 404);

  two.process.kill('SIGSTOP');
  while ((await named('two'))?.alive) await sleep(100);
  assert.deepEqual(
    (await listed(true)).map(({ alive = false }) => alive),
    [true, false],
  );
  assert.equal((await remove(addressOfTwo)).status, 200);
  assert.deepEqual(
    (await listed()).map(({ name }) => name),
    ['one'],
  );

  two.process.kill('SIGCONT');
  while (!(await named('two'))?.alive) await sleep(100);
  assert.equal((await named('two'))?.id, id, 'the same process');
  assert.deepEqual(await leaders(), ['one']);

  await redis.kill();
  const away = await callHttps(one.access, { path: CONFIGURATION, ...one.access });
  assert.equal(away.status, 503);
  assert.equal((await listed(true)).length, 2);
  const ready = await callHttps(one.access, { path: '/ready' });
  const checks = ready.body?.['checks'] as { name: string; ok: boolean; fault?: string }[];
  assert.equal(ready.status, 503);
  assert.match(checks.find(({ name }) => name === 'store')?.fault ?? '', /^the store /);
  assert.equal((await callHttps(one.access, { path: '/health' })).status, 200, 'a restart would not mend it');
});
