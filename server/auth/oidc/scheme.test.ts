import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { decodeJwt, EncryptJWT, exportSPKI, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { createChain } from '../chain.ts';
import { authSchema } from '../config.ts';
import { hasByRole } from '../roles.ts';
import { SOMEBODY } from '../testing/somebody.ts';
import { openOidc } from './open.ts';
import { type ProviderStub, startProvider } from './testing/provider-stub.ts';

let provider: ProviderStub;
before(async () => {
  provider = await startProvider();
});
after(() => provider[Symbol.asyncDispose]());

const nowS = () => Math.floor(Date.now() / 1000);

async function open(settings: object = {}, clock = systemClock) {
  const config = authSchema.parse({
    schemes: ['oidc'],
    oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'], ...settings }] },
    permissionClaimMapping: { cordon_queue: { role: ['lead'] } },
  });
  const scheme = await openOidc(config, { clock, logger: silentLogger });
  assert.ok(scheme);
  const chain = createChain([scheme]);
  return { chain, login: (token: string) => chain.authenticate([`Bearer ${token}`], SOMEBODY) };
}

test('oidc keeps the claims by which roles are held', async () => {
  const config = authSchema.parse({
    schemes: ['oidc'],
    oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'] }] },
    roles: { platform: { permissions: ['operate'], claims: { role: ['lead'] } } },
  });
  const scheme = await openOidc(config, { clock: systemClock, logger: silentLogger });
  assert.ok(scheme);
  const token = await provider.token({ role: 'lead' });
  const principal = await createChain([scheme]).authenticate([`Bearer ${token}`], SOMEBODY);
  assert.ok(hasByRole(config.roles, principal, 'operate'));
});

test('oidc names the user, with groups, scopes and the claims that decide', async () => {
  const { login, chain } = await open({
    groupsClaim: 'groups',
    userNameSuffix: '@corp',
    groupNameSuffix: '.corp',
  });
  const token = await provider.token({ scope: 'jobs admin', groups: ['a', 'b'], role: 'lead', other: 1 });
  assert.deepEqual(await login(token), {
    name: 'ann@corp',
    groups: ['a.corp', 'b.corp'],
    scopes: ['jobs', 'admin'],
    claims: new Map([['role', ['lead']]]),
    scheme: 'oidc',
    expiresMs: (decodeJwt(token).exp ?? 0) * 1000,
  });
  assert.deepEqual((await login(await provider.token({ groups: 'one' }))).groups, ['one.corp']);
  assert.deepEqual((await login(await provider.token({ scp: ['x', 'y'] }))).scopes, ['x', 'y']);
  assert.deepEqual(chain.challenges, ['Bearer realm="armada"']);
});

test('oidc refuses forged, foreign and stale tokens, and asks no other address', async () => {
  const { login } = await open({ groupsClaim: 'groups' });
  const good = await provider.token();
  await login(good);
  const [header = '', body = '', signature = ''] = good.split('.');
  await using evil = await startProvider();
  const { jwk } = provider.keys[0] ?? assert.fail();
  const claims = { iss: provider.issuer, aud: 'armada', sub: 'ann', iat: nowS(), exp: nowS() + 300 };
  const hmac = (secret: string | Uint8Array) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'first' })
      .sign(typeof secret === 'string' ? new TextEncoder().encode(secret) : secret);
  const publicKey = await importJWK({ ...jwk, ext: true }, 'ES256');
  assert.ok(!(publicKey instanceof Uint8Array));
  const pem = createPublicKey({ key: jwk as object as import('node:crypto').JsonWebKey, format: 'jwk' });
  const forged = (more: object) => evil.token({ iss: provider.issuer }, { kid: 'first', ...more });
  const corpus: [what: string, token: string][] = [
    ['none', new UnsecuredJWT(claims).encode()],
    [
      'none, with the kid',
      `${Buffer.from('{"alg":"none","typ":"at+jwt","kid":"first"}').toString('base64url')}.${body}.`,
    ],
    ['HS256 with the public key as PEM', await hmac(await exportSPKI(publicKey))],
    ['HS256 with the public key as DER', await hmac(pem.export({ type: 'spki', format: 'der' }))],
    ['HS256 with the public key as JSON', await hmac(JSON.stringify(jwk))],
    ['another key by the same id', await forged({})],
    ['jku', await forged({ jku: `${evil.issuer}/keys` })],
    ['x5u', await forged({ x5u: `${evil.issuer}/keys` })],
    ['a key of its own', await forged({ jwk: evil.keys[0]?.jwk })],
    ['kid as a path', await forged({ kid: '../../../../etc/passwd' })],
    ['kid as an address', await forged({ kid: `${evil.issuer}/keys` })],
    ['kid of a prototype', await forged({ kid: '__proto__' })],
    ['no kid', await provider.token({}, { kid: undefined as never })],
    ['empty kid', await provider.token({}, { kid: '' })],
    ['an issuer that is not known', await provider.token({ iss: evil.issuer })],
    ['an issuer with a slash more', await provider.token({ iss: `${provider.issuer}/` })],
    ['several issuers', await provider.token({ iss: [provider.issuer] as never })],
    ['another audience', await provider.token({ aud: 'other' })],
    ['no audience', await provider.token({ aud: undefined })],
    [
      'several audiences and no client',
      await provider.token({ aud: ['armada', 'other'], client_id: undefined }),
    ],
    ['expired', await provider.token({ exp: nowS() - 61 })],
    ['no expiry', await provider.token({ exp: undefined })],
    ['an expiry that is no number', await provider.token({ exp: '9999999999' as never })],
    ['not yet', await provider.token({ nbf: nowS() + 120 })],
    ['issued in the future', await provider.token({ iat: nowS() + 120 })],
    ['no time of issue', await provider.token({ iat: undefined })],
    ['nobody', await provider.token({ sub: undefined })],
    ['an empty name', await provider.token({ sub: ' ' })],
    ['a name of two lines', await provider.token({ sub: 'ann\nbob' })],
    ['a name that is a list', await provider.token({ sub: ['ann', 'bob'] as never })],
    ['groups in part', await provider.token({ groups: ['a', { b: 1 }] })],
    ['groups elsewhere', await provider.token({ _claim_names: { groups: 'src1' } })],
    ['too many groups', await provider.token({ groups: Array.from({ length: 501 }, () => 'g') })],
    ['an id token', await provider.token({}, { typ: 'JWT' })],
    ['no type', await provider.token({}, { typ: undefined as never })],
    [
      'another signature',
      `${header}.${body}.${Buffer.from(signature, 'base64url').reverse().toString('base64url')}`,
    ],
    ['no signature', `${header}.${body}.`],
    [
      'other claims',
      `${header}.${Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url')}.${signature}`,
    ],
    [
      'encrypted',
      await new EncryptJWT(claims)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(new Uint8Array(32)),
    ],
    [
      'unknown critical header',
      await provider.token({}, { crit: ['x'], x: 1 } as never).catch(() => 'a.b.c'),
    ],
    ['64 KB', `${'x'.repeat(30_000)}.${'y'.repeat(30_000)}.${'z'.repeat(5_536)}`],
    ['64 KB of a good token', await provider.token({ pad: 'x'.repeat(48_000) })],
    [
      'deep',
      `${header}.${Buffer.from(`{"iss":"${provider.issuer}","a":${'['.repeat(5000)}${']'.repeat(5000)}}`).toString('base64url')}.${signature}`,
    ],
    ['nothing', ''],
    ['dots', '..'],
    ['rubbish', 'abc.def.ghi'],
    ['rubbish header', `!!!.${body}.${signature}`],
    ['two', `${good} ${good}`],
  ];
  for (const [what, token] of corpus) {
    await assert.rejects(async () => login(token), { code: 'UNAUTHENTICATED' }, what);
  }
  assert.deepEqual([...new Set(provider.asked)], ['/.well-known/openid-configuration', '/keys']);
  assert.deepEqual(evil.asked, []);
  await login(good);
});

test('oidc takes tokens without a kind where that is configured, but no id tokens', async () => {
  const { login } = await open({ tokenTypes: ['at+jwt', 'JWT'] });
  assert.equal((await login(await provider.token({}, { typ: 'JWT' }))).name, 'ann');
  assert.equal((await login(await provider.token({}, { typ: undefined as never }))).name, 'ann');
  for (const claims of [{ nonce: 'n' }, { at_hash: 'h' }, { typ: 'ID' }, { token_use: 'id' }]) {
    await assert.rejects(async () => login(await provider.token(claims, { typ: 'JWT' })), /id token/);
  }
});

test('oidc takes tokens of the clients that are named, by azp before client_id', async () => {
  const { login } = await open({ clients: ['cli'] });
  await login(await provider.token());
  await login(await provider.token({ azp: 'cli', client_id: 'x', aud: ['armada', 'x'] }));
  for (const claims of [{ azp: 'other' }, { client_id: 'other' }, { client_id: undefined }]) {
    await assert.rejects(async () => login(await provider.token(claims)), { code: 'UNAUTHENTICATED' });
  }
});

test('oidc takes an address as a name only when it is verified', async () => {
  const { login } = await open({ nameClaim: 'email' });
  assert.equal((await login(await provider.token({ email: 'a@b', email_verified: true }))).name, 'a@b');
  for (const unverified of [false, 'false'])
    await assert.rejects(
      async () => login(await provider.token({ email: 'a@b', email_verified: unverified })),
      /not verified/,
    );
});

test('oidc ends what has expired, and allows for clocks that differ by a minute', async () => {
  const clock = {
    shiftMs: 0,
    now: () => Date.now() + clock.shiftMs,
    elapsed: () => performance.now() + clock.shiftMs,
  };
  const { login, chain } = await open({}, clock);
  const token = await provider.token({ exp: nowS() + 300 });
  const principal = await login(token);
  assert.equal(await login(token), principal, 'remembered');
  assert.equal(chain.recheck(principal), undefined);
  clock.shiftMs = 301_000;
  assert.equal(chain.recheck(principal)?.code, 'UNAUTHENTICATED');
  await login(token);
  clock.shiftMs = 361_000;
  await assert.rejects(async () => login(token), /expired/);
});

test('oidc believes nobody any more whose key was removed', async () => {
  const clock = { shiftMs: 0, now: () => Date.now(), elapsed: () => performance.now() + clock.shiftMs };
  const { login, chain } = await open({}, clock);
  const principal = await login(await provider.token());
  const kept = provider.keys.splice(0);
  await provider.addKey('next');
  clock.shiftMs = 125_000;
  chain.recheck(principal);
  const deadlineMs = Date.now() + 5_000;
  while (chain.recheck(principal) === undefined && Date.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.match(chain.recheck(principal)?.message ?? '', /good no more/);
  provider.keys.splice(0, 1, ...kept);
});
