// TLS and client certificates at a real server, with certificates that openssl made:
// who is believed on either side, and certificates that are replaced under load.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EventService } from '@armada-ts/api/api/event';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { tlsCredentials } from '@armada-ts/api/servers/tls-credentials';
import { type Connection, connect, type ConnectOptions, createQueue, getQueue } from '@armada-ts/client';
import { Client } from '@grpc/grpc-js';
import { type AnyMethod, call } from './calls.ts';
import { type Authority, curl, type KeyPair, makeTestAuthority, replaceFile } from './certificates.ts';
import { root, type Standalone, temporaryDirectory } from './programs.ts';
import { type OperatorAccess, operatorOf, startServer } from './server.ts';
import { answered, shownAt, shownSoon } from './tls-probes.ts';
import { authSettings, OPERATOR, OWNER, passwordOf } from './users.ts';

const directory = await temporaryDirectory({ after });
const SERVER = { subject: '/CN=armada', names: 'DNS:localhost,IP:127.0.0.1' };

const ANNA = { name: 'anna', permissions: [], verbs: [] };

let ours: Authority;
let theirs: Authority;
let shown: KeyPair;
let server: Standalone;
let operators: OperatorAccess;
/** By what to be shown: a certificate of each kind. */
const clients: Record<'olga' | 'anna' | 'nobody' | 'foreign' | 'expired', KeyPair> = {} as never;

before(async () => {
  ours = await makeTestAuthority(directory, 'ours');
  theirs = await makeTestAuthority(directory, 'theirs');
  shown = await ours.issue('server', SERVER);
  clients.olga = await ours.issue('olga', {
    subject: '/OU=operator/CN=olga',
    names: 'email:olga@example.com',
  });
  clients.nobody = await ours.issue('nobody', { subject: '/CN=printer' });
  clients.foreign = await theirs.issue('foreign', { subject: '/OU=operator/CN=olga' });
  clients.expired = await ours.issue('expired', { subject: '/OU=operator/CN=olga', isExpired: true });
  clients.anna = await ours.issue('anna', { subject: '/CN=Anna', names: 'email:anna@example.com' });
  const auth = authSettings([OPERATOR, OWNER, ANNA]);
  server = await startServer(directory, {
    tls: {
      certificateFile: shown.certFile,
      keyFile: shown.keyFile,
      clients: { authorityFile: ours.certFile },
    },
    auth: {
      ...auth,
      schemes: ['mtls', 'basic', 'anonymous'],
      mtls: {
        principals: [
          { from: 'commonName', pattern: 'ol*', groupsFrom: 'organizationalUnit' },
          { from: 'email', pattern: '*@example.com', name: '$1' },
        ],
      },
    },
    logLevel: 'info',
    store: { acknowledgement: 'local' },
  });
  operators = await operatorOf(server, directory);
});

after(() => server.kill('SIGKILL'));

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}

function open(options: Partial<ConnectOptions>): Connection {
  const address = `localhost:${portOf(server.address)}`;
  return connect({
    address,
    retryForMs: 0,
    connectTimeoutMs: 1_000,
    tls: { caFile: ours.certFile },
    ...options,
  });
}

/** What making a queue comes to: only the group of operators may. */
async function making(name: string, options: Partial<ConnectOptions>): Promise<string> {
  using connection = open(options);
  try {
    await createQueue(connection, { name });
    return 'OK';
  } catch (error) {
    return String((error as { code: unknown }).code);
  }
}

/** The same by REST, with curl. */
async function posting(name: string, ...args: string[]): Promise<string> {
  const url = `https://localhost:${portOf(server.url)}/v1/queue`;
  const body = ['-H', 'content-type: application/json', '-d', JSON.stringify({ name, priorityFactor: 1 })];
  const { status } = await curl('--cacert', ours.certFile, ...args, ...body, url);
  return status;
}

function showing({ certFile, keyFile }: KeyPair): string[] {
  return ['--cert', certFile, '--key', keyFile];
}

test('a server is believed when its authority is trusted and its certificate is for its name', async () => {
  assert.match(server.url, /^https:/);
  const code = (options: Partial<ConnectOptions>) => making('believed', options);
  const [username, password] = [OPERATOR.name, passwordOf(OPERATOR.name)];
  const basicAuth = { username, password };
  assert.equal(await code({ basicAuth }), 'OK');
  assert.equal(await code({ basicAuth, tls: { caFile: theirs.certFile } }), 'UNAVAILABLE');
  assert.equal(await code({ basicAuth, tls: {} }), 'UNAVAILABLE');
  assert.equal(await code({ basicAuth, forceNoTls: true, tls: undefined as never }), 'UNAVAILABLE');
  assert.equal(await code({ basicAuth, tls: { insecure: true } }), 'ALREADY_EXISTS');
  const options = { 'grpc.ssl_target_name_override': 'other.example.com' };
  const client = new Client(server.address, tlsCredentials({ caFile: ours.certFile }), options);
  const method = QueueServiceService.getQueue as unknown as AnyMethod;
  const misnamed = await call(client, method, { name: 'believed' });
  client.close();
  assert.match(misnamed.error?.message ?? misnamed.code, /other\.example\.com/);

  const user = ['-u', `${username}:${password}`];
  assert.equal(await posting('by-rest', ...user), '200');
  assert.equal(await posting('by-rest', ...user, '--cacert', theirs.certFile), 'exit 60');
  assert.equal(await posting('by-rest', '-u', `${username}:wrong`), '401');
  assert.equal(await posting('by-rest', '--tls-max', '1.1'), 'exit 35');
});

test('a client certificate says who calls, on every port, unless other credentials do', async () => {
  const tls = (pair: KeyPair) => ({ caFile: ours.certFile, ...pair });
  assert.equal(await making('olga-1', { tls: tls(clients.olga) }), 'OK');
  assert.equal(await posting('olga-2', ...showing(clients.olga)), '200');
  assert.equal(await making('none', { tls: tls(clients.nobody) }), 'UNAUTHENTICATED');
  assert.equal(await posting('none', ...showing(clients.nobody)), '401');
  // Without a certificate one is anonymous, who may not make queues.
  assert.equal(await making('none', {}), 'PERMISSION_DENIED');
  assert.equal(await posting('none'), '403');

  const basicAuth = { username: OWNER.name, password: passwordOf(OWNER.name) };
  assert.equal(await making('none', { tls: tls(clients.olga), basicAuth }), 'PERMISSION_DENIED');
  const wrong = { ...basicAuth, password: 'wrong' };
  assert.equal(await making('none', { tls: tls(clients.olga), basicAuth: wrong }), 'UNAUTHENTICATED');
  assert.equal(await posting('none', ...showing(clients.olga), '-u', 'olga:wrong'), '401');

  const at = `https://localhost:${portOf(operators.url)}/version`;
  const trusting = ['--cacert', join(directory, 'operator/ca.pem')];
  assert.equal((await curl(...trusting, ...showing(clients.olga), at)).status, '200');
  assert.equal((await curl(...trusting, ...showing(clients.nobody), at)).status, '401');
  assert.equal((await curl(...trusting, at)).status, '401');
});

test('whoever shows a certificate that is not good gets no connection, and is never anonymous', async () => {
  for (const pair of [clients.foreign, clients.expired]) {
    const tls = { caFile: ours.certFile, ...pair };
    using connection = open({ tls, connectTimeoutMs: 500 });
    await assert.rejects(getQueue(connection, 'olga-1'), { code: 'UNAVAILABLE', unreachable: true });
    assert.match(await posting('none', ...showing(pair)), /^exit/);
    const at = `https://localhost:${portOf(operators.url)}/health`;
    const { status } = await curl('--cacert', join(directory, 'operator/ca.pem'), ...showing(pair), at);
    assert.match(status, /^exit/);
  }
});

test('what docs/security.md shows of client certificates works', async (t) => {
  assert.equal(await making('demo', { tls: { caFile: ours.certFile, ...clients.olga } }), 'OK');
  const page = await readFile(join(root, 'docs/security.md'), 'utf8');
  const [, block = ''] = /<!-- mtls\b[^>]*-->\n```sh\n([\s\S]*?)```/.exec(page) ?? [];
  const place = await temporaryDirectory(t);
  const { certFile, keyFile } = clients.anna;
  for (const [path, name] of [
    [ours.certFile, 'ca.pem'],
    [certFile, 'anna.pem'],
    [keyFile, 'anna.key'],
  ] as const) {
    await symlink(path, join(place, name));
  }
  const commands = block
    .replaceAll('localhost:8080', `localhost:${portOf(server.url)}`)
    .replaceAll('localhost:50051', `localhost:${portOf(server.address)}`)
    .replace('anna:secret', `'anna:${passwordOf('anna')}'`)
    .replace('armadactl', join(root, 'armadactl/bin/armadactl'));
  const { stdout } = await promisify(execFile)('sh', ['-ec', commands], { cwd: place });
  assert.equal([...stdout.matchAll(/"name":"demo"|name: demo/g)].length, 3, stdout);
});

test('certificates are replaced under load, and no call is lost', { timeout: 60_000 }, async () => {
  // Both authorities, as those have who are about to change.
  const both = join(directory, 'both.pem');
  await replaceFile(
    both,
    `${await readFile(ours.certFile, 'utf8')}${await readFile(theirs.certFile, 'utf8')}`,
  );
  const ports = [portOf(server.address), portOf(server.url)];
  const [before] = await Promise.all(ports.map(shownAt));
  const tls = { caFile: both, ...clients.olga };
  using steady = open({ tls });
  using watching = open({ tls });
  const watch = watching.stream(EventService.getJobSetEvents, {
    queue: 'olga-1',
    id: 'set',
    watch: true,
    fromMessageId: '',
    errorIfMissing: false,
  });
  const watched = watch.next().then(
    () => 'ended',
    () => 'failed',
  );
  let isOver = false;
  const calls = { made: 0 };
  const keep = async (act: () => Promise<unknown>): Promise<void> => {
    while (!isOver) {
      await act();
      calls.made++;
    }
  };
  const ca = await readFile(both);
  const agent = new Agent({
    keepAlive: true,
    ca,
    cert: await readFile(tls.certFile),
    key: await readFile(tls.keyFile),
  });
  const load = Promise.all([
    keep(() => getQueue(steady, 'olga-1')),
    keep(async () => {
      using fresh = open({ tls });
      await getQueue(fresh, 'olga-1');
    }),
    keep(() => answered(`https://localhost:${ports[1]}/v1/queue/olga-1`, agent)),
    keep(() => answered(`https://localhost:${ports[1]}/v1/queue/olga-1`, new Agent({ ca }))),
  ]);
  const replace = async (): Promise<void> => {
    const next = await theirs.issue('next', SERVER);
    await replaceFile(shown.certFile, await readFile(next.certFile));
    // For a while the files do not go together: what there was is shown on.
    await server.line(/certificates cannot be read again/);
    assert.deepEqual(await Promise.all(ports.map(shownAt)), [before, before]);
    await replaceFile(shown.keyFile, await readFile(next.keyFile));
    const serials = await Promise.all(ports.map((port) => shownSoon(port, (serial) => serial !== before)));
    assert.equal(serials[0], serials[1]);
    await sleep(200);
  };
  await Promise.race([load, replace()]);
  isOver = true;
  await load;
  agent.destroy();
  assert.ok(calls.made > 50, `${calls.made} calls`);
  assert.equal(await making('late', { tls: { caFile: ours.certFile } }), 'UNAVAILABLE');
  assert.equal(await Promise.race([watched, sleep(100, 'open')]), 'open', 'a stream goes on');
});

test('other clients are trusted as soon as their authority is in the file', { timeout: 30_000 }, async () => {
  const tls = { caFile: join(directory, 'both.pem'), ...clients.foreign };
  assert.equal(await making('theirs', { tls }), 'UNAVAILABLE');
  await replaceFile(ours.certFile, await readFile(join(directory, 'both.pem')));
  while ((await making('theirs', { tls, connectTimeoutMs: 500 })) !== 'OK') await sleep(100);
});
