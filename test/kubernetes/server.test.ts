// A server that takes the tokens of pods, by every door, and asks an API server about them.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EventService } from '@armada-ts/api/api/event';
import {
  connect,
  createQueue,
  getQueue,
  podTokenAuthorization,
  submitJob,
  tokenFileAuthorization,
} from '@armada-ts/client';
import { curl } from '../e2e/certificates.ts';
import { type LocalServer, startLocalServer, startPretending } from '../e2e/in-process.ts';
import { ACCOUNT, startTestApiServer, type TestApiServer } from './api-server.ts';

const opened = new AsyncDisposableStack();
let directory: string;
let cluster: TestApiServer;
let server: LocalServer;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'armada-kubernetes-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  cluster = opened.use(await startTestApiServer(directory));
  const groups = ['system:serviceaccounts:jobs'];
  server = opened.use(
    await startLocalServer(directory, {
      auth: {
        schemes: ['kubernetes', 'anonymous'],
        kubernetes: { ...cluster.settings, cacheMs: 1_000 },
        permissionGroupMapping: {
          create_queue: groups,
          execute_jobs: [ACCOUNT],
          operate: ['system:serviceaccount:jobs:operator'],
        },
      },
    }),
  );
});
after(() => opened.disposeAsync());

const rest = (authorization?: string, method = 'GET') =>
  fetch(`${server.app.httpUrl}/v1/queue/q1`, { method, headers: authorization ? { authorization } : {} });

const connectWith = (authorization: string) =>
  connect({ address: server.app.grpcAddress, authorization: async () => authorization });

test('a token of a service account is taken by gRPC and REST, in both forms', async () => {
  const token = cluster.token();
  const pod = await mkdtemp(join(directory, 'pod-'));
  await writeFile(join(pod, 'token'), token);
  await copyFile(cluster.settings.authorityFile, join(pod, 'ca.crt'));
  const native = await podTokenAuthorization(pod)();
  assert.match(native, /^KubernetesAuth /);
  using connection = connectWith(`Bearer ${token}`);
  await createQueue(connection, { name: 'q1', userOwners: [ACCOUNT] });
  for (const value of [`Bearer ${token}`, `bearer ${token}`, native]) {
    using other = connectWith(value);
    assert.equal((await getQueue(other, 'q1')).name, 'q1');
    assert.equal((await rest(value)).status, 200, value);
  }
  assert.equal(cluster.asked(), 1, 'asked once for all of them');
});

test('the operator port takes them too, and asks for permissions', async () => {
  const url = `${server.access.url}/v1/operator/executors`;
  const status = async (authorization: string) =>
    (await curl('--cacert', join(directory, 'operator/ca.pem'), '-H', `authorization: ${authorization}`, url))
      .status;
  const operator = 'system:serviceaccount:jobs:operator';
  cluster.accounts.add(operator);
  assert.equal(await status(`Bearer ${cluster.token({ account: operator })}`), '200');
  assert.equal(await status(`Bearer ${cluster.token()}`), '403');
  assert.equal(await status(`Bearer ${cluster.token({ audience: 'other' })}`), '401');
});

test('wrong tokens are refused on every door, and nobody becomes anonymous by them', async () => {
  const good = cluster.token();
  const [header = '', claims = '', signature = ''] = good.split('.');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const about = JSON.parse(Buffer.from(claims, 'base64url').toString());
  const native = (value: object) => `KubernetesAuth ${part(value)}`;
  const wrong: Record<string, string> = {
    'of nobody': `Bearer ${cluster.token({ account: 'system:serviceaccount:jobs:gone' })}`,
    'for the API server': `Bearer ${cluster.token({ audience: 'https://kubernetes.default.svc' })}`,
    over: `Bearer ${cluster.token({ validS: -1 })}`,
    'with another signature': `Bearer ${header}.${claims}.${Buffer.from(signature, 'base64url').reverse().toString('base64url')}`,
    'without a signature': `Bearer ${part({ alg: 'none' })}.${claims}.`,
    'of somebody else': `Bearer ${header}.${part({ ...about, sub: 'system:serviceaccount:armada:server' })}.${signature}`,
    'with an address to fetch': `Bearer ${part({ alg: 'RS256', jku: server.app.httpUrl, kid: '../../x' })}.${claims}.${signature}`,
    'of no form': 'Bearer rubbish',
    'with a space': `Bearer ${good} ${good}`,
    'in form of clients, of nobody': native({
      token: cluster.token({ account: 'system:serviceaccount:a:b' }),
    }),
    'in form of clients, of a person': native({ token: 'ann', ca: 'eA' }),
    'in form of clients, without one': native({ ca: 'eA' }),
    'in form of clients, not readable': 'KubernetesAuth {}',
    'of nothing': 'KubernetesAuth',
  };
  assert.equal((await rest()).status, 200, 'anonymous is let in');
  const asked = cluster.asked();
  for (const [why, value] of Object.entries(wrong)) {
    const refused = await rest(value);
    assert.equal(refused.status, 401, why);
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer realm="armada"');
    using connection = connectWith(value);
    await assert.rejects(getQueue(connection, 'q1'), { code: 'UNAUTHENTICATED' }, why);
  }
  assert.equal(cluster.asked() - asked, 2, 'asked about the two that the cluster has signed for this server');
});

test('streams end soon after their token, and after the account is gone', async () => {
  const wanted = { queue: 'q1', id: 'set', watch: true, fromMessageId: '', errorIfMissing: false };
  const expiresMs = performance.now() + 3_000;
  using ending = connectWith(`Bearer ${cluster.token({ validS: 3 })}`);
  const account = 'system:serviceaccount:jobs:leaver';
  cluster.accounts.add(account);
  using leaving = connectWith(`Bearer ${cluster.token({ account })}`);
  await createQueue(leaving, { name: 'q2', userOwners: [account] });
  const [first, second] = [ending, leaving].map((connection, index) =>
    connection.stream(EventService.getJobSetEvents, { ...wanted, queue: `q${index + 1}` }).next(),
  );
  cluster.accounts.delete(account);
  const goneMs = performance.now();
  const ends = [
    assert.rejects(first ?? assert.fail(), { code: 'UNAUTHENTICATED', message: /the token has expired/ }),
    assert
      .rejects(second ?? assert.fail(), { code: 'UNAUTHENTICATED', message: /does not know the token/ })
      .then(() => assert.ok(performance.now() - goneMs < 5_000)),
  ];
  await Promise.all(ends);
  const lateMs = performance.now() - expiresMs;
  assert.ok(lateMs > -1_500 && lateMs < 5_000, `${lateMs} ms after it has expired`);
});

test('an API server that does not do its work lets nobody in, nor keeps out whom it let in before', async () => {
  const known = `Bearer ${cluster.token()}`;
  assert.equal((await rest(known)).status, 200);
  const elsewhere = `${server.app.httpUrl}/health`;
  const ways: Record<string, NonNullable<TestApiServer['misbehave']>> = {
    'an error': (_, response) => void response.writeHead(500).end(),
    'a redirect': (_, response) => void response.writeHead(307, { location: elsewhere }).end(),
    'no JSON': (_, response) => void response.writeHead(201).end('<html>'),
    'another object': (_, response) => void response.writeHead(201).end('{"status":{"authenticated":"yes"}}'),
    'too much': (_, response) => void response.writeHead(201).end(' '.repeat(300_000)),
    'an end': (request) => void request.socket.destroy(),
  };
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (const [why, misbehave] of Object.entries(ways)) {
    cluster.misbehave = misbehave;
    const refused = await rest(`Bearer ${cluster.token()}`);
    assert.equal(refused.status, 503, why);
    assert.equal((await rest(known)).status, 200, why);
  }
  cluster.misbehave = undefined;
  assert.equal((await rest(`Bearer ${cluster.token()}`)).status, 200);
});

test('an executor shows the token of its pod, and goes on with the next when that has ended', async (t) => {
  const tokenFile = join(directory, 'pod-token');
  await writeFile(tokenFile, cluster.token({ validS: 3 }));
  const executor = await startPretending(directory, server.app.grpcAddress, {
    executorId: 'pods',
    runMs: 0,
    server: { address: server.app.grpcAddress, tokenFile },
  });
  t.after(() => executor.close());
  await writeFile(tokenFile, `${cluster.token()}\n`);
  using connection = connect({
    address: server.app.grpcAddress,
    authorization: tokenFileAuthorization(tokenFile),
  });
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const job = await submitJob(connection, { queue: 'q1', command: ['true'] });
  assert.equal((await job.result()).state, 'succeeded');
});
