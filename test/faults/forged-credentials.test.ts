// Rubbish and forgeries without end, of everything but passwords: none lets anybody in, each costs the server
// little and its providers nothing, and others do not notice. What each costs is printed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { ClusterServiceService } from '@armada-ts/api/armada/operator/v1/cluster';
import { PERMISSIONS } from '@armada-ts/server/auth/permissions';
import { hashPassword } from '@armada-ts/server/auth/password';
import { type ProviderStub, startProvider } from '@armada-ts/server/auth/oidc/testing/provider-stub';
import { type AnyMethod, call } from '../e2e/calls.ts';
import { openOperatorClient, presenting } from '../e2e/operator-calls.ts';
import { temporaryDirectory } from '../e2e/programs.ts';
import { operatorOf, startServer } from '../e2e/server.ts';
import { TOKEN_SETTINGS } from '../e2e/users.ts';
import { abuse, type Abused, type Impact, showImpact } from './abuse.ts';
import { inTurn, summed, tryAll } from './credential-flood.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const FLOOD = IS_LONG ? 10_000 : 1_000;
const AT_A_TIME = 64;
const MAX_P99_MS = 3_000;
const MAX_GROWTH_MIB = 200;
/** Of the server's processor time, for each; the rest of the machine does not count. */
const MAX_CPU_MS_EACH = 5;

const opened = new AsyncDisposableStack();
const directory = await temporaryDirectory({ after });
const worker = `Basic ${btoa('worker:right')}`;
let provider: ProviderStub;
let abused: Abused;

before(async () => {
  provider = opened.use(await startProvider());
  const server = await startServer(directory, {
    auth: {
      // Whoever were let in by mistake could do everything.
      schemes: ['basic', 'oidc', 'token', 'anonymous'],
      basic: { users: { worker: { password: await hashPassword('right'), groups: ['all'] } } },
      oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'] }] },
      token: TOKEN_SETTINGS,
      permissionGroupMapping: Object.fromEntries(PERMISSIONS.map((permission) => [permission, ['everyone']])),
    },
  });
  abused = opened.use(await abuse(server, worker));
});
after(() => opened.disposeAsync());

const bearers = (token: (i: number) => string) =>
  Array.from({ length: FLOOD }, (_, i) => ({ authorization: `Bearer ${token(i)}` }));

/** Another each time, with what the parts say; they are in base64 but for the signature. */
const jwt = (header: object, claims: object): string =>
  [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(randomBytes(64).toString('base64url'))
    .join('.');

function judge(impact: Impact, beforeMib: number): void {
  assert.deepEqual(impact.faults, []);
  assert.ok(impact.p99Ms <= MAX_P99_MS, showImpact(impact));
  assert.ok(impact.cpuMs / FLOOD <= MAX_CPU_MS_EACH, showImpact(impact));
  assert.ok(impact.rssMib - beforeMib <= MAX_GROWTH_MIB, `from ${beforeMib} to ${impact.rssMib} MiB`);
}

const FORGERIES: Readonly<Record<string, (i: number) => string>> = {
  'bearer tokens of no kind': () => randomBytes(200).toString('base64url'),
  'tokens of ours, by keys that there are none of': (i) =>
    jwt(
      { alg: 'HS256', typ: 'armada+jwt', kid: `key-${i}` },
      { sub: 'worker', key: `k${i}`, iat: 1, exp: 2e10 },
    ),
  'tokens of the provider, by a key of its own': (i) =>
    jwt({ alg: 'ES256', typ: 'at+jwt', kid: provider.keys[0]?.jwk.kid }, claimsOf(i)),
  'tokens of the provider, by keys that it has not': (i) =>
    jwt({ alg: 'ES256', typ: 'at+jwt', kid: `key-${i}` }, claimsOf(i)),
  'tokens of a provider that is none, with addresses to ask': (i) =>
    jwt(
      { alg: 'RS256', typ: 'at+jwt', kid: provider.issuer, jku: provider.issuer, x5u: provider.issuer },
      { ...claimsOf(i), iss: `${provider.issuer}/other` },
    ),
};

function claimsOf(i: number): object {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: provider.issuer,
    aud: 'armada',
    sub: `somebody-${i}`,
    client_id: 'c',
    iat: now,
    exp: now + 600,
  };
}

for (const [what, token] of Object.entries(FORGERIES)) {
  test(`${what}: all are refused`, async (t) => {
    const beforeMib = abused.rssMib();
    const asked = provider.asked.length;
    const { impact, result } = await abused.during(() => tryAll(abused.server, bearers(token)));
    t.diagnostic(`${FLOOD} in all; ${showImpact(impact)}`);
    assert.deepEqual(summed(result), { wrong: FLOOD, limited: 0, others: [] });
    assert.ok(provider.asked.length - asked <= 2, 'the provider is asked for its keys once');
    judge(impact, beforeMib);
  });
}

test('secrets of access keys: none is found', async (t) => {
  const { url } = abused.server;
  const headers = { 'content-type': 'application/json' };
  const made = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { ...headers, authorization: worker },
    body: '{"description":"to be guessed"}',
  });
  const { key } = (await made.json()) as { key: { id: string } };
  const beforeMib = abused.rssMib();
  const guesses = Array.from({ length: FLOOD }, (_, i) => ({
    accessKey: i % 2 === 0 ? key.id : `armada-key-${randomBytes(12).toString('base64url')}`,
    secret: `armada-secret-${randomBytes(32).toString('base64url')}`,
  }));
  const { impact, result } = await abused.during(() =>
    inTurn(guesses, AT_A_TIME, async (pair) => {
      const answer = await fetch(`${url}/v1/key/token`, {
        method: 'POST',
        headers,
        body: JSON.stringify(pair),
      });
      await answer.arrayBuffer();
      return `REST ${answer.status}`;
    }),
  );
  t.diagnostic(`${FLOOD} in all; ${showImpact(impact)}`);
  assert.deepEqual(result, { 'REST 401': FLOOD });
  judge(impact, beforeMib);
});

test('operator tokens: none is found', async (t) => {
  const access = await operatorOf(abused.server, directory);
  using client = Object.assign(openOperatorClient(access), {
    [Symbol.dispose]: () => client.close(),
  });
  const method = ClusterServiceService.getVersion as AnyMethod;
  assert.equal((await call(client, method, {}, presenting(access))).code, 'OK');
  const beforeMib = abused.rssMib();
  const right = access.authorization;
  const guesses = Array.from({ length: FLOOD }, (_, i) =>
    i % 2 === 0
      ? `${right.slice(0, -1)}${i % 10}x`
      : `Bearer armada-operator-${randomBytes(32).toString('base64url')}`,
  );
  const { impact, result } = await abused.during(() =>
    inTurn(guesses, AT_A_TIME, async (authorization) => {
      const { code } = await call(client, method, {}, presenting({ authorization }));
      return `gRPC ${code}`;
    }),
  );
  t.diagnostic(`${FLOOD} in all; ${showImpact(impact)}`);
  assert.deepEqual(result, { 'gRPC UNAUTHENTICATED': FLOOD });
  judge(impact, beforeMib);
  // Nor is the token anything to anybody elsewhere.
  const elsewhere = await tryAll(abused.server, [{ authorization: right }, { authorization: right }]);
  assert.deepEqual(summed(elsewhere), { wrong: 2, limited: 0, others: [] });
});
