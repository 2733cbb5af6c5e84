// A server that asks a real API server of Kubernetes about real tokens of service accounts.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService } from '@armada-ts/api/api/event';
import { connect, createQueue, getQueue, submitJob } from '@armada-ts/client';
import { curl } from '../e2e/certificates.ts';
import { type LocalServer, startLocalServer, startPretending } from '../e2e/in-process.ts';
import { lacks } from '../interop/tools.ts';
import { type Cluster, startCluster } from './cluster.ts';

const ACCOUNT = 'system:serviceaccount:jobs:runner';
const RBAC = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
const roleRef = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });

// Building it takes minutes.
const skip = process.env['ARMADA_TEST_LONG'] === '1' ? lacks('go', ['version'], '1.24') : 'takes long';

describe('with a real API server', { skip }, () => {
  const opened = new AsyncDisposableStack();
  let directory: string;
  let cluster: Cluster;
  let server: LocalServer;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'armada-cluster-'));
    opened.defer(() => rm(directory, { recursive: true, force: true }));
    cluster = opened.use(await startCluster());
    for (const name of ['armada', 'jobs']) await cluster.create('/api/v1/namespaces', { metadata: { name } });
    for (const [namespace, name] of [
      ['armada', 'server'],
      ['jobs', 'runner'],
      ['jobs', 'leaver'],
      ['jobs', 'pod'],
    ])
      await cluster.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    const tokenFile = join(directory, 'own-token');
    await writeFile(tokenFile, await cluster.token('armada/server', cluster.issuer));
    server = opened.use(
      await startLocalServer(directory, {
        auth: {
          schemes: ['kubernetes', 'anonymous'],
          kubernetes: {
            server: cluster.url,
            authorityFile: cluster.authorityFile,
            tokenFile,
            audiences: ['armada'],
            cacheMs: 1_000,
          },
          permissionGroupMapping: {
            create_queue: ['system:serviceaccounts:jobs'],
            execute_jobs: ['system:serviceaccount:jobs:pod'],
          },
        },
      }),
    );
  });
  after(() => opened.disposeAsync());

  const rest = async (authorization: string) =>
    (await fetch(`${server.app.httpUrl}/v1/queue/q1`, { headers: { authorization } })).status;
  const connectWith = (authorization: string) =>
    connect({ address: server.app.grpcAddress, authorization: async () => authorization });
  const bearer = async (account: string, audience = 'armada') =>
    `Bearer ${await cluster.token(account, audience)}`;

  test('nobody is let in before the account of the server may ask', async () => {
    assert.equal(await rest(await bearer('jobs/runner')), 503);
    await cluster.create(RBAC, {
      metadata: { name: 'armada-asks' },
      roleRef: roleRef('system:auth-delegator'),
      subjects: [{ kind: 'ServiceAccount', namespace: 'armada', name: 'server' }],
    });
    const shown = await bearer('jobs/runner');
    using connection = connectWith(shown);
    while ((await rest(shown)) === 503) await sleep(100);
    await createQueue(connection, { name: 'q1', userOwners: [ACCOUNT] });
  });

  test('tokens are taken by gRPC and REST, in both forms, and those for others are not', async () => {
    const token = await cluster.token('jobs/runner', 'armada');
    const native = Buffer.from(JSON.stringify({ token, ca: 'eA' })).toString('base64url');
    for (const value of [`Bearer ${token}`, `KubernetesAuth ${native}`]) {
      using connection = connectWith(value);
      assert.equal((await getQueue(connection, 'q1')).name, 'q1');
      assert.equal(await rest(value), 200);
    }
    const [header, claims, signature = ''] = token.split('.');
    const other = Buffer.from(signature, 'base64url').reverse().toString('base64url');
    for (const value of [
      await bearer('jobs/runner', cluster.issuer),
      `Bearer ${header}.${claims}.${other}`,
    ]) {
      using connection = connectWith(value);
      await assert.rejects(getQueue(connection, 'q1'), { code: 'UNAUTHENTICATED' });
      assert.equal(await rest(value), 401);
    }
  });

  test('an executor shows a token and runs the job of another account', async (t) => {
    const tokenFile = join(directory, 'pod-token');
    await writeFile(tokenFile, await cluster.token('jobs/pod', 'armada'));
    const executor = await startPretending(directory, server.app.grpcAddress, {
      executorId: 'pods',
      runMs: 0,
      server: { address: server.app.grpcAddress, tokenFile },
    });
    t.after(() => executor.close());
    using connection = connectWith(await bearer('jobs/runner'));
    const job = await submitJob(connection, { queue: 'q1', command: ['true'] });
    assert.equal((await job.result()).state, 'succeeded');
  });

  test('an account that is deleted is out, and its stream ends', async (t) => {
    using connection = connectWith(await bearer('jobs/leaver'));
    await createQueue(connection, { name: 'q2', userOwners: ['system:serviceaccount:jobs:leaver'] });
    const wanted = { queue: 'q2', id: 'set', watch: true, fromMessageId: '', errorIfMissing: false };
    const watch = connection.stream(EventService.getJobSetEvents, wanted).next();
    await cluster.remove('/api/v1/namespaces/jobs/serviceaccounts/leaver');
    const goneMs = performance.now();
    await assert.rejects(watch, { code: 'UNAUTHENTICATED' });
    const tookMs = performance.now() - goneMs;
    t.diagnostic(`ended after ${Math.round(tookMs)} ms`);
    // The API server itself remembers for 10 s.
    assert.ok(tookMs < 15_000, `${tookMs} ms`);
    await assert.rejects(getQueue(connection, 'q2'), { code: 'UNAUTHENTICATED' });
  });

  test('while it is away, tokens that were good go on being good', async () => {
    const [known, fresh] = [await bearer('jobs/runner'), await bearer('jobs/runner')];
    assert.equal(await rest(known), 200);
    await cluster.stop();
    await sleep(1_500);
    assert.equal(await rest(known), 200);
    assert.equal(await rest(fresh), 503);
    await cluster.start();
    assert.equal(await rest(fresh), 200);
  });

  test('a cluster that publishes its keys can be a provider of OpenID Connect too', async () => {
    await cluster.create(RBAC, {
      metadata: { name: 'keys-are-public' },
      roleRef: roleRef('system:service-account-issuer-discovery'),
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
    });
    const keys = `${cluster.url}/openid/v1/jwks`;
    while ((await curl('--cacert', cluster.authorityFile, keys)).status !== '200') await sleep(100);
    const other = await mkdtemp(join(directory, 'other-'));
    await using second = await startLocalServer(other, {
      auth: {
        schemes: ['oidc'],
        oidc: {
          providers: [
            {
              issuer: cluster.issuer,
              audience: ['armada'],
              tokenTypes: ['JWT'],
              authorityFile: cluster.authorityFile,
            },
          ],
        },
        permissionGroupMapping: { create_queue: ['everyone'] },
      },
    });
    const token = await cluster.token('jobs/runner', 'armada');
    using connection = connect({
      address: second.app.grpcAddress,
      authorization: async () => `Bearer ${token}`,
    });
    await createQueue(connection, { name: 'q1', userOwners: [ACCOUNT] });
  });
});
