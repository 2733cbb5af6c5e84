// armadactl and the client library with a real provider: logging in, tokens that are kept and renewed, tokens for programs.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectFromProfile, getQueue } from '@armada-ts/client';
import { keepLogin, loginFile } from '@armada-ts/client/kept-login';
import { requestTokens } from '@armada-ts/client/open-id';
import { type LocalServer, startLocalServer } from '../e2e/in-process.ts';
import { root } from '../e2e/programs.ts';
import { createPerson } from './person.ts';
import { BATCH, CLI, startTestProvider, type TestProvider } from './provider.ts';

const opened = new AsyncDisposableStack();
let provider: TestProvider;
let server: LocalServer;

before(async () => {
  provider = opened.use(await startTestProvider());
  server = opened.use(await startLocalServer(await directory(), { auth: settings() }));
});
after(() => opened.disposeAsync());

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'armada-login-'));
  opened.defer(() => rm(path, { recursive: true, force: true }));
  return path;
}

function settings() {
  return {
    schemes: ['oidc' as const],
    oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'], groupsClaim: 'groups' }] },
    permissionGroupMapping: { create_queue: ['science'] },
    roles: {
      researchers: { permissions: ['watch_all_events' as const], claims: { department: ['research'] } },
    },
  };
}

/** A home with one context, whose credentials are these. */
async function homeWith(credentials: object): Promise<string> {
  const home = await directory();
  const context = { armadaUrl: server.app.grpcAddress, ...credentials };
  const file = JSON.stringify({ currentContext: 'main', contexts: { main: context } });
  await writeFile(join(home, '.armadactl.json'), file);
  return home;
}

/** Runs armadactl to its end; whatever asks for a person is told to `onText` as it comes. */
async function armadactl(home: string, args: string[], onText: (text: string) => void = () => {}) {
  const child = spawn(join(root, 'armadactl/bin/armadactl'), args, {
    env: { PATH: process.env.PATH, HOME: home, BROWSER: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      onText(text);
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, text };
}

/** Lets a person log in at the first address that fits. */
function personAt(pattern: RegExp) {
  let page: Promise<string> | undefined;
  return {
    onText: (text: string) => {
      const url = pattern.exec(text)?.[1];
      if (url !== undefined) page ??= createPerson().logInAt(url, 'ann');
    },
    page: () => page,
  };
}

function audienceOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).aud;
}

const openIdAuth = () => ({ providerUrl: provider.issuer, clientId: CLI });

test('armadactl login: by browser, with tokens that nobody else can read and that are renewed', async () => {
  const home = await homeWith({ openIdAuth: openIdAuth() });
  const before = await armadactl(home, ['create', 'queue', 'early']);
  assert.match(before.text, /nobody is logged in; log in with `armadactl login`/);
  assert.equal(before.exitCode, 4);

  const person = personAt(/log in at (\S+)/);
  const login = await armadactl(home, ['login'], person.onText);
  assert.equal(login.exitCode, 0, login.text);
  assert.match((await person.page()) ?? '', /You are logged in/);
  const created = await armadactl(home, ['create', 'queue', 'by-browser']);
  assert.equal(created.exitCode, 0, created.text);

  const me = JSON.parse((await armadactl(home, ['whoami', '-o', 'json'])).text);
  assert.deepEqual(
    [me.name, me.groups, me.scheme, me.roles, me.permissions, me.acceptedSchemes],
    ['ann', ['science', 'everyone'], 'oidc', ['researchers'], ['watch_all_events', 'create_queue'], ['oidc']],
  );
  assert.ok(Math.abs(Date.parse(me.expires) - Date.now() - 120_000) < 20_000, me.expires);

  const kept = join(home, '.armadactl', 'logins');
  const [name = ''] = await readdir(kept);
  assert.equal((await stat(kept)).mode & 0o777, 0o700);
  assert.equal((await stat(join(kept, name))).mode & 0o777, 0o600);
  const tokens = JSON.parse(await readFile(join(kept, name), 'utf8'));
  assert.ok(!login.text.includes(tokens.accessToken), 'never shown');

  // The provider takes a refresh token once: of several programs one renews, and the others see that.
  const client = { ...openIdAuth(), scopes: ['openid', 'offline_access'] };
  await keepLogin(home, client, { ...tokens, expiresAtMs: 0 });
  const same = await Promise.all(
    Array.from({ length: 4 }, async () => {
      using connection = await connectFromProfile({ environment: {}, homeDirectory: home });
      return (await getQueue(connection, 'by-browser')).name;
    }),
  );
  assert.deepEqual(same, Array(4).fill('by-browser'));
  const renewed = JSON.parse(await readFile(join(kept, name), 'utf8'));
  assert.notEqual(renewed.accessToken, tokens.accessToken);
  assert.deepEqual(await readdir(kept), [name]);

  await keepLogin(home, client, { ...tokens, expiresAtMs: 0, refreshToken: 'revoked' });
  const over = await armadactl(home, ['get', 'queues']);
  assert.match(over.text, /cannot be renewed .*invalid_grant.*log in again with `armadactl login`/s);
  assert.equal(over.exitCode, 4);
});

test('armadactl login: for whom the context says, also when it is renewed', async () => {
  const client = { ...openIdAuth(), audience: 'https://api.example.com', resource: ['urn:other'] };
  const home = await homeWith({ openIdAuth: client });
  const person = personAt(/log in at (\S+)/);
  const login = await armadactl(home, ['login'], person.onText);
  assert.equal(login.exitCode, 0, login.text);
  const asked = new URL(/log in at (\S+)/.exec(login.text)?.[1] ?? '').searchParams;
  assert.equal(asked.get('audience'), 'https://api.example.com');
  const [name = ''] = await readdir(join(home, '.armadactl', 'logins'));
  const path = join(home, '.armadactl', 'logins', name);
  const tokens = JSON.parse(await readFile(path, 'utf8'));
  assert.equal(audienceOf(tokens.accessToken), 'urn:other');
  await writeFile(path, JSON.stringify({ ...tokens, expiresAtMs: 0 }));
  const refused = await armadactl(home, ['whoami']);
  assert.match(refused.text, /the claim aud of the token is not as it must be here/);
  const renewed = JSON.parse(await readFile(path, 'utf8'));
  assert.notEqual(renewed.accessToken, tokens.accessToken);
  assert.equal(audienceOf(renewed.accessToken), 'urn:other');
});

test('armadactl logout: nothing is kept, and the provider takes the tokens back', async () => {
  const home = await homeWith({ openIdAuth: openIdAuth() });
  const kept = join(home, '.armadactl', 'logins');
  const person = personAt(/log in at (\S+)/);
  assert.equal((await armadactl(home, ['login'], person.onText)).exitCode, 0);
  const [name = ''] = await readdir(kept);
  const { refreshToken } = JSON.parse(await readFile(join(kept, name), 'utf8'));
  const out = await armadactl(home, ['logout']);
  assert.equal(out.text, `Logged out of ${provider.issuer}\n`);
  assert.equal(out.exitCode, 0);
  assert.deepEqual(await readdir(kept), []);
  const client = { ...openIdAuth(), scopes: ['openid', 'offline_access'] };
  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
  await assert.rejects(requestTokens(client, grant), /invalid_grant/);
  assert.match((await armadactl(home, ['whoami'])).text, /nobody is logged in/);
  assert.match((await armadactl(home, ['logout'])).text, /Nobody was logged in to/);

  // A provider that is away keeps nobody from forgetting.
  const gone = { ...client, providerUrl: 'http://127.0.0.1:1' };
  const goneHome = await homeWith({ openIdAuth: gone });
  const goneFile = loginFile(goneHome, gone);
  await keepLogin(goneHome, gone, { accessToken: 'a', expiresAtMs: Date.now() + 60_000, refreshToken: 'r' });
  const alone = await armadactl(goneHome, ['logout', '-o', 'json']);
  assert.equal(alone.exitCode, 0, alone.text);
  assert.match(alone.text, /may take the tokens until they expire: .*cannot be read/);
  assert.match(alone.text, /"wasLoggedIn":true,"revoked":false/);
  assert.deepEqual(await readdir(dirname(goneFile)), []);
});

test('armadactl login --device: with a code at another browser', async () => {
  const home = await homeWith({ openIdAuth: openIdAuth() });
  const person = personAt(/or go to (\S+)/);
  const login = await armadactl(home, ['login', '--device'], person.onText);
  assert.equal(login.exitCode, 0, login.text);
  const created = await armadactl(home, ['create', 'queue', 'by-code']);
  assert.equal(created.exitCode, 0, created.text);
});

test('armadactl login says what is missing, and what the provider says', async () => {
  const nothing = await armadactl(await homeWith({}), ['login']);
  assert.match(nothing.text, /there is nothing to log in to/);
  assert.equal(nothing.exitCode, 2);
  const stranger = await homeWith({ openIdDeviceAuth: { ...openIdAuth(), clientId: 'stranger' } });
  const refused = await armadactl(stranger, ['login']);
  assert.match(refused.text, /cannot log in: .*client is invalid|cannot log in: .*client/);
  assert.equal(refused.exitCode, 4);
});

test('whoever is not let in is told what the server takes', async () => {
  const message = 'credentials are needed; this server accepts: oidc';
  const nobody = await armadactl(await homeWith({}), ['whoami']);
  assert.equal(nobody.exitCode, 4);
  assert.ok(nobody.text.includes(message), nobody.text);
  const { httpUrl } = server.app;
  const connect = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: '{}',
  };
  for (const response of [
    await fetch(`${httpUrl}/v1/identity`),
    await fetch(`${httpUrl}/armada.auth.v1.IdentityService/GetIdentity`, connect),
  ]) {
    assert.equal(response.status, 401);
    assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="armada"');
    assert.equal(((await response.json()) as { message: string }).message, message);
  }
  const headers = { authorization: `Bearer ${await provider.clientToken()}` };
  const known = [
    await fetch(`${httpUrl}/v1/identity`, { headers }),
    await fetch(`${httpUrl}/armada.auth.v1.IdentityService/GetIdentity`, {
      ...connect,
      headers: { ...connect.headers, ...headers },
    }),
  ];
  for (const response of known) {
    const { name, scopes } = (await response.json()) as { name: string; scopes: string[] };
    assert.deepEqual([name, scopes], ['batch', ['jobs']]);
  }
});

test('programs have tokens of their own, by a secret or by a command', async () => {
  const { clientId, clientSecret } = BATCH;
  const client = { providerUrl: provider.issuer, clientId, clientSecret, scopes: ['jobs'] };
  const bySecret = await homeWith({ openIdClientCredentialsAuth: client });
  const created = await armadactl(bySecret, ['create', 'queue', 'by-secret']);
  assert.equal(created.exitCode, 0, created.text);
  const wrong = await homeWith({ openIdClientCredentialsAuth: { ...client, clientSecret: 'wrong' } });
  const refused = await armadactl(wrong, ['get', 'queues']);
  assert.match(refused.text, /invalid_client/);
  assert.equal(refused.exitCode, 4);

  const env = [{ name: 'TOKEN', value: await provider.clientToken() }];
  const byCommand = await homeWith({ execAuth: { cmd: 'sh', args: ['-c', 'echo "$TOKEN"'], env } });
  assert.equal((await armadactl(byCommand, ['create', 'queue', 'by-command'])).exitCode, 0);
  const failing = await homeWith({ execAuth: { cmd: 'sh', args: ['-c', 'exit 3 # s3cret'] } });
  const failed = await armadactl(failing, ['get', 'queues']);
  assert.match(failed.text, /the command sh of execAuth failed \(3\)/);
  assert.ok(!failed.text.includes('s3cret'));
});
