// A server that takes the tokens of a real provider, by every door.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService } from '@armada-ts/api/api/event';
import { SubmitService } from '@armada-ts/api/api/submit';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { connect, createQueue, getQueue, type Interruption, watchJobSet } from '@armada-ts/client';
import { authSchema } from '@armada-ts/server/auth/config';
import { openOidc } from '@armada-ts/server/auth/oidc/open';
import { silentLogger } from '@armada-ts/server/base/logger';
import { parse } from 'yaml';
import { jobItem } from '../e2e/items.ts';
import { type LocalServer, startLocalServer } from '../e2e/in-process.ts';
import { shownUnder } from '../security-page.ts';
import { startTestProvider, type TestProvider } from './provider.ts';

const opened = new AsyncDisposableStack();
let provider: TestProvider;
let server: LocalServer;

before(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-oidc-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  provider = opened.use(await startTestProvider());
  server = opened.use(await startLocalServer(directory, { auth: settings() }));
});
after(() => opened.disposeAsync());

function settings() {
  return {
    schemes: ['oidc' as const, 'anonymous' as const],
    oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'], groupsClaim: 'groups' }] },
    permissionGroupMapping: { create_queue: ['science'] },
    permissionScopeMapping: { delete_queue: ['jobs'] },
    permissionClaimMapping: { cordon_queue: { department: ['research'] } },
  };
}

test('a token of a provider is taken by gRPC and REST, with what it says about permissions', async () => {
  const token = await provider.clientToken();
  const authorization = `Bearer ${token}`;
  using connection = connect({
    address: server.app.grpcAddress,
    authorization: () => Promise.resolve(authorization),
  });
  await createQueue(connection, { name: 'q1', userOwners: ['batch'] });
  assert.equal((await getQueue(connection, 'q1')).name, 'q1');

  const url = `${server.app.httpUrl}/v1/queue/q1`;
  const rest = (headers: Record<string, string>, method = 'GET') => fetch(url, { method, headers });
  assert.equal((await rest({ authorization })).status, 200);
  assert.equal((await rest({ authorization }, 'DELETE')).status, 200);
  const [header, claims, signature = ''] = token.split('.');
  const forged = `${header}.${claims}.${Buffer.from(signature, 'base64url').reverse().toString('base64url')}`;
  for (const value of [`Bearer ${forged}`, 'Bearer rubbish', 'Bearer', `Bearer ${token} ${token}`]) {
    const refused = await rest({ authorization: value });
    assert.equal(refused.status, 401, value);
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer realm="armada"');
  }
  assert.equal((await rest({}, 'DELETE')).status, 403, 'nobody in particular may do nothing');
});

test('a watch ends soon after its token', async () => {
  const authorization = `Bearer ${await provider.clientToken(3)}`;
  const expiresMs = performance.now() + 3_000;
  using connection = connect({
    address: server.app.grpcAddress,
    authorization: () => Promise.resolve(authorization),
  });
  await createQueue(connection, { name: 'q2', userOwners: ['batch'] });
  const wanted = { queue: 'q2', id: 'set', watch: true, fromMessageId: '', errorIfMissing: false };
  const watch = connection.stream(EventService.getJobSetEvents, wanted);
  await assert.rejects(watch.next(), {
    code: 'UNAUTHENTICATED',
    reason: 'CREDENTIALS_ENDED',
    message: /the token has expired/,
  });
  const lateMs = performance.now() - expiresMs;
  assert.ok(lateMs > -1_500 && lateMs < 5_000, `${lateMs} ms after it has expired`);
});

test('a watch of the client library outlives its tokens', { timeout: 30_000 }, async () => {
  let tokens = 0;
  using connection = connect({
    address: server.app.grpcAddress,
    async authorization() {
      tokens++;
      return `Bearer ${await provider.clientToken(2)}`;
    },
  });
  await createQueue(connection, { name: 'q3', userOwners: ['batch'] });
  const before = tokens;
  const breaks: (string | undefined)[] = [];
  const submit = () =>
    connection.call(SubmitService.submitJobs, {
      queue: 'q3',
      jobSetId: 'set',
      jobRequestItems: [jobItem({})],
    });
  await submit();
  const ids: string[] = [];
  const onInterrupted = ({ error }: Interruption) => breaks.push(error?.code);
  for await (const { messageId, body } of watchJobSet(connection, {
    queue: 'q3',
    jobSetId: 'set',
    onInterrupted,
  })) {
    if (body.$case !== 'submitted') continue;
    ids.push(messageId);
    if (ids.length === 2) break;
    // The next comes when the token of the watch is over.
    void sleep(4_500).then(submit);
  }
  assert.ok(breaks.length > 0 && breaks.every((code) => code === 'UNAUTHENTICATED'), String(breaks));
  assert.equal(new Set(ids).size, 2);
  assert.ok(tokens > before + 2, `${tokens} tokens`);
});

test('a server as docs/security.md has it knows groups, scopes and claims of tokens', async () => {
  const issuer = ['https://login.example.com/realms/main', provider.issuer] as const;
  const { auth } = parse(await shownUnder('OpenID Connect', 'yaml', [issuer]));
  const directory = await mkdtemp(join(tmpdir(), 'armada-oidc-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  await using shown = await startLocalServer(directory, { auth });
  const authorization = `Bearer ${await provider.clientToken()}`;
  using connection = connect({
    address: shown.app.grpcAddress,
    authorization: () => Promise.resolve(authorization),
  });
  // By the claim department, for a queue that is not there; the rest is for others.
  const cordoned = connection.call(QueueServiceService.cordonQueue, { name: 'none' });
  await assert.rejects(cordoned, { code: 'NOT_FOUND' });
  await assert.rejects(createQueue(connection, { name: 'mine' }), { code: 'PERMISSION_DENIED' });
});

test('keys of a provider that are new are known, and those that are gone are forgotten', async () => {
  const clock = { shiftMs: 0, now: () => Date.now(), elapsed: () => performance.now() + clock.shiftMs };
  const scheme = await openOidc(authSchema.parse(settings()), { clock, logger: silentLogger });
  const login = (token: string) =>
    scheme?.authenticate(`Bearer ${token}`, { peer: '', certificate: undefined });
  const old = await provider.clientToken();
  const principal = await login(old);
  assert.ok(principal);
  const { expiresMs = 0, ...named } = principal;
  assert.ok(Math.abs(expiresMs - Date.now() - 120_000) < 10_000, `${expiresMs}`);
  assert.deepEqual(named, {
    name: 'batch',
    groups: ['science'],
    scopes: ['jobs'],
    claims: new Map([['department', ['research']]]),
    scheme: 'oidc',
  });
  await provider.rotate(true);
  clock.shiftMs += 30_000;
  await login(await provider.clientToken());
  assert.equal(await login(old), principal);
  await provider.rotate(false);
  clock.shiftMs += 30_000;
  await login(await provider.clientToken());
  assert.match(scheme?.recheck?.(principal)?.message ?? '', /good no more/);
});
