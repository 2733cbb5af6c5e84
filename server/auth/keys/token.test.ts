import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { AccessKeys, Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { EncryptJWT, SignJWT } from 'jose';
import { anonymousScheme } from '../anonymous.ts';
import { createChain, type Scheme } from '../chain.ts';
import type { Principal } from '../principal.ts';
import { SOMEBODY } from '../testing/somebody.ts';
import { createKey, deleteKey, keyOfPair, setKeyDisabled } from './access-keys.ts';
import { installKey, removeKey, useKey } from './keyring.ts';
import { forgeries } from './testing/forgeries.ts';
import { ANN, createKeyStore } from './testing/servers.ts';
import { createTokenScheme, issueToken } from './token.ts';

const VALID_MS = 60_000;

async function world() {
  const kept = createKeyStore();
  const server = await kept.start();
  const made = await createKey(server, ANN, '');
  const scheme = createTokenScheme(server);
  return { kept, server, made, scheme, ...(await issueToken(server, made, VALID_MS)) };
}

async function present(scheme: Scheme, token: string): Promise<Principal | undefined> {
  return scheme.authenticate(`Bearer ${token}`, SOMEBODY);
}

test('a token stands for the user of its access key until it expires', async () => {
  const { kept, scheme, token, expiresMs, server } = await world();
  const principal = await present(scheme, token);
  const ann = { name: 'ann', groups: ['team'], scopes: ['read'] };
  assert.deepEqual(principal, { ...ann, scheme: 'token', expiresMs });
  assert.equal(await present(scheme, token), principal, 'not remembered');
  assert.equal(scheme.recheck?.(principal), undefined);
  kept.step(expiresMs - server.clock.now() - 1);
  assert.equal((await present(scheme, token))?.name, 'ann');
  kept.step(1);
  const expired = { code: 'UNAUTHENTICATED', message: /expired/ };
  await assert.rejects(present(scheme, token), expired);
  assert.match(scheme.recheck?.(principal)?.message ?? '', /expired/);
  // Neither does a server take it that never saw it.
  await assert.rejects(present(createTokenScheme(server), token), expired);
});

test('a token ends with its access key, at all servers that were told', async () => {
  const { kept, server, made, scheme, token } = await world();
  const there = await kept.start();
  const elsewhere = createTokenScheme(there);
  const known = await Promise.all([present(scheme, token), present(elsewhere, token)]);
  const { id } = made.key;
  await setKeyDisabled(server, ANN, { id, disabled: true });
  for (const control of kept.log) there.held.apply(control);
  for (const [i, one] of [scheme, elsewhere].entries()) {
    await assert.rejects(present(one, token), { code: 'UNAUTHENTICATED', message: /disabled/ });
    assert.equal(one.recheck?.(known[i]!)?.code, 'UNAUTHENTICATED');
  }
  await setKeyDisabled(server, ANN, { id, disabled: false });
  assert.equal((await present(scheme, token))?.name, 'ann');
  await deleteKey(server, ANN, id);
  for (const control of kept.log) there.held.apply(control);
  for (const one of [scheme, elsewhere]) {
    await assert.rejects(present(one, token), { code: 'UNAUTHENTICATED', message: /deleted/ });
  }
});

test('a token stands for its user as they are now, and for nobody when they have gone', async () => {
  const { kept, server, made, scheme, token } = await world();
  const before = await present(scheme, token);
  assert.equal(before && scheme.recheck?.(before), undefined);
  kept.users.set('ann', { ...ANN, groups: ['others'], scopes: [] });
  assert.equal(before && scheme.recheck?.(before)?.code, 'UNAUTHENTICATED');
  const after = await present(scheme, token);
  assert.deepEqual([after?.groups, after?.scopes], [['others'], []]);
  assert.equal(await present(scheme, token), after);
  kept.users.delete('ann');
  const gone = { code: 'UNAUTHENTICATED', message: /not among the users/ };
  for (const each of [scheme, createTokenScheme(server)]) await assert.rejects(present(each, token), gone);
  assert.equal(after && scheme.recheck?.(after)?.code, 'UNAUTHENTICATED');
  await assert.rejects(keyOfPair(server, { accessKey: made.key.id, secret: made.secret }), gone);
});

test('of users whom their scheme does not look up the key says what they were', async () => {
  const { server, made, scheme, token } = await world();
  const challenge = undefined;
  server.owners.askOf([{ name: 'basic', challenge, authenticate: () => undefined }]);
  assert.deepEqual((await present(scheme, token))?.groups, made.key.groups);
  // Where that is gone, nobody vouches for them.
  server.owners.askOf([]);
  await assert.rejects(present(createTokenScheme(server), token), /nobody comes with the scheme basic/);
});

test('keys that do not say how their user had come are taken as they are', async () => {
  const { kept, server, scheme, token, made } = await world();
  const { version } = server.held.accessKeysOf('ann');
  const record = AccessKeys.encode({ owner: 'ann', keys: [{ ...made.key, scheme: '' }] }).finish();
  const kind = Control_Kind.KIND_ACCESS_KEYS;
  server.held.apply({ kind, name: 'ann', version: version + 1, record });
  kept.users.clear();
  assert.deepEqual((await present(scheme, token))?.groups, ['team']);
});

test('an older record that comes late brings no revoked key back', async () => {
  const { kept, server, made, scheme, token } = await world();
  await present(scheme, token);
  const before = [...kept.log];
  await setKeyDisabled(server, ANN, { id: made.key.id, disabled: true });
  for (const control of before) server.held.apply(control);
  await assert.rejects(present(scheme, token), { message: /disabled/ });
});

test('signing keys come and go without a token being refused that is good', async () => {
  const { kept, server, made, scheme, token } = await world();
  const [first] = server.held.ring().keys;
  const id = await installKey(server, Buffer.alloc(32, 1));
  await useKey(server, id);
  const newer = await issueToken(server, made, VALID_MS);
  for (const each of [token, newer.token]) assert.equal((await present(scheme, each))?.name, 'ann');
  await assert.rejects(removeKey(server, { id, force: true }), { code: 'KEY_IN_USE' });
  await assert.rejects(removeKey(server, { id: first!.id, force: false }), { code: 'KEY_IN_USE' });
  assert.equal((await present(scheme, token))?.name, 'ann');
  const there = await kept.start();
  await removeKey(server, { id: first!.id, force: true });
  for (const control of kept.log) there.held.apply(control);
  for (const one of [scheme, createTokenScheme(server), createTokenScheme(there)]) {
    await assert.rejects(present(one, token), { code: 'UNAUTHENTICATED', message: /signed with/ });
    assert.equal((await present(one, newer.token))?.name, 'ann');
  }
});

test('what a server is to take at once it need not have heard of by the log', async () => {
  const { kept, server, made } = await world();
  const late = await kept.start();
  const id = await installKey(server, Buffer.alloc(0));
  await useKey(server, id);
  const { token } = await issueToken(server, made, VALID_MS);
  assert.equal((await present(createTokenScheme(late), token))?.name, 'ann');
});

test('tokens of others are left to other schemes', async () => {
  const { scheme, token } = await world();
  const { privateKey } = generateKeyPairSync('ed25519');
  const foreign = await new SignJWT({})
    .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid: 'a' })
    .sign(privateKey);
  for (const other of [
    foreign,
    'abc',
    'a.b.c',
    'e30.e30.',
    '',
    'armada-operator-x',
    `${token}${'a'.repeat(65_536)}`,
  ]) {
    assert.equal(await present(scheme, other), undefined, other.slice(0, 40));
  }
  for (const authorization of [undefined, 'Basic YTpi', `Negotiate ${token}`, token]) {
    assert.equal(await scheme.authenticate(authorization, SOMEBODY), undefined);
  }
});

test('forged tokens are refused, as nobody', async () => {
  const { scheme, token } = await world();
  const chain = createChain([scheme, anonymousScheme]);
  assert.equal((await chain.authenticate([`Bearer ${token}`], SOMEBODY)).name, 'ann');
  for (const [what, forged] of forgeries(token)) {
    await assert.rejects(
      chain.authenticate([`Bearer ${forged}`], SOMEBODY),
      { code: 'UNAUTHENTICATED' },
      what,
    );
  }
});

test('what a server has signed for something else is refused', async () => {
  const { server, made, scheme } = await world();
  const [key] = server.held.ring().keys;
  assert.ok(key);
  const now = Math.floor(server.clock.now() / 1000);
  const right = { key: made.key.id, sub: 'ann', iss: 'armada', aud: 'armada', iat: now, exp: now + 60 };
  const sign = (claims: object, head: object = {}): Promise<string> =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'HS256', typ: 'armada+jwt', kid: key.id, ...head })
      .sign(key.secret);
  assert.equal((await present(scheme, await sign(right)))?.name, 'ann');
  const wrong: object[] = [
    { iss: 'other' },
    { aud: 'other' },
    { exp: now - 1 },
    { exp: undefined },
    { iat: undefined },
    { nbf: now + 60 },
    { sub: 'olga' },
    { sub: undefined },
    { key: 'armada-key-none' },
    { key: 7 },
    { key: undefined },
  ];
  for (const claims of wrong) {
    const token = await sign({ ...right, ...claims });
    await assert.rejects(present(scheme, token), { code: 'UNAUTHENTICATED' }, JSON.stringify(claims));
  }
  const encrypted = await new EncryptJWT(right)
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'armada+jwt', kid: key.id })
    .encrypt(key.secret);
  await assert.rejects(present(scheme, encrypted), { code: 'UNAUTHENTICATED' });
});
