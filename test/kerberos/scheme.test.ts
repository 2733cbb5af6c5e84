// Kerberos tickets of a real KDC, valid and otherwise, against the scheme with its processes.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Acceptors, startAcceptors } from '@armada-ts/server/auth/kerberos/acceptors';
import { kerberosSchema } from '@armada-ts/server/auth/kerberos/config';
import type { Groups } from '@armada-ts/server/auth/kerberos/ldap-groups';
import { createKerberosScheme } from '@armada-ts/server/auth/kerberos/scheme';
import type { Scheme } from '@armada-ts/server/auth/chain';
import { type Clock, systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { type Environment, run } from '../daemons.ts';
import { type Realm, startRealm } from './realm.ts';
import { bareTokenFor, firstToken, MECHANISM, nextToken, tokenFor } from './tickets.ts';

const SERVICE = 'HTTP/localhost@ARMADA.TEST';
const opened = new AsyncDisposableStack();
let realm: Realm;
let other: Realm;
let keytab: string;
let acceptors: Acceptors;
let scheme: Scheme;
let ann: Environment;

before(async () => {
  other = opened.use(await startRealm('OTHER.TEST'));
  realm = opened.use(await startRealm('ARMADA.TEST', other));
  for (const [name, password] of [
    ['ann', 'secret'],
    ['ann/admin', 'secret'],
    ['root/admin', 'secret'],
  ] as const)
    await realm.addPrincipal(name, password);
  await realm.addPrincipal('HTTP/localhost');
  await realm.addPrincipal('host/localhost');
  keytab = await realm.keytab('HTTP/localhost', 'host/localhost');
  ann = await realm.ticket('ann', 'secret');
  Object.assign(process.env, realm.environment);
  acceptors = opened.use(
    await startAcceptors({ keytab, principals: [SERVICE], processes: 2, logger: silentLogger }),
  );
  scheme = schemeOf(acceptors);
});
after(() => opened.disposeAsync());

function schemeOf(taking: Pick<Acceptors, 'accept'>, groups?: Groups, clock: Clock = systemClock): Scheme {
  const config = kerberosSchema.parse({
    keytab,
    principals: [SERVICE],
    realms: { 'ARMADA.TEST': {} },
    names: { 'root/admin@ARMADA.TEST': 'root' },
  });
  return createKerberosScheme(config, { acceptors: taking, groups, clock });
}

/** Comes with a token, on a connection. */
async function present(token: Buffer | string, { by = scheme, peer = '127.0.0.1:50000' } = {}) {
  const caller: Parameters<Scheme['authenticate']>[1] = { peer, certificate: undefined };
  const text = typeof token === 'string' ? token : token.toString('base64');
  try {
    const principal = await by.authenticate(`Negotiate ${text}`, caller);
    return { principal, reply: caller.reply, refusal: undefined };
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'UNAUTHENTICATED', String(error));
    return { principal: undefined, reply: caller.reply, refusal: (error as Error).message };
  }
}

test('the processes that read what clients send know none of the settings of the server', async () => {
  const name = 'ARMADA_AUTH_TOKEN_ENCRYPTIONKEY';
  process.env[name] = 'secret of the server';
  try {
    const settings = { keytab, principals: [SERVICE], processes: 1, logger: silentLogger };
    await using started = await startAcceptors(settings);
    const environment = await readFile(`/proc/${started.pids[0]}/environ`, 'utf8');
    assert.match(environment, /KRB5_CONFIG=/);
    assert.doesNotMatch(environment, /ARMADA_/);
  } finally {
    delete process.env[name];
  }
});

test('a ticket names its user, and the reply proves the server', async () => {
  const token = await tokenFor(ann);
  const { principal, reply = '' } = await present(token.bytes);
  assert.deepEqual(principal, { name: 'ann', groups: [], scopes: [], scheme: 'kerberos' });
  assert.match(reply, /^Negotiate /);
  assert.equal(await token.isProof(reply.slice('Negotiate '.length)), true);
});

test('a ticket is taken once, by whichever process', async () => {
  const { bytes } = await tokenFor(ann);
  assert.equal((await present(bytes)).principal?.name, 'ann');
  for (let times = 0; times < 4; times++) assert.match((await present(bytes)).refusal ?? '', /replay/);
});

test('a ticket for another service is refused, though its key is in the keytab', async () => {
  const { bytes } = await tokenFor(ann, 'host@localhost');
  assert.match((await present(bytes)).refusal ?? '', /for another service, host\/localhost@ARMADA.TEST/);
});

test('principals with an instance are nobody unless they are there by name', async () => {
  const admin = await tokenFor(await realm.ticket('ann/admin', 'secret'));
  assert.match((await present(admin.bytes)).refusal ?? '', /ann\/admin@ARMADA.TEST is nobody here/);
  const root = await tokenFor(await realm.ticket('root/admin', 'secret'));
  assert.equal((await present(root.bytes)).principal?.name, 'root');
});

test('users of another realm are nobody, even when its tickets are trusted', async () => {
  for (const each of [realm, other]) await each.addPrincipal('krbtgt/ARMADA.TEST@OTHER.TEST', 'between-us');
  await other.addPrincipal('ann', 'secret');
  const theirs = await other.ticket('ann@OTHER.TEST', 'secret');
  const { bytes } = await tokenFor({ ...theirs, KRB5_CONFIG: realm.environment['KRB5_CONFIG'] ?? '' });
  assert.match((await present(bytes)).refusal ?? '', /ann@OTHER.TEST is nobody here/);
});

test('a client whose clock is ten minutes off is refused', async () => {
  const own = await realm.ticket('ann', 'secret');
  await run('kvno', ['HTTP/localhost'], { environment: own });
  const path = own['KRB5CCNAME'] ?? '';
  const tickets = await readFile(path);
  // Version 5.4, 12 bytes of header, of which tag 1 is how far the clock is off.
  assert.equal(tickets.subarray(0, 8).toString('hex'), '0504000c00010008');
  tickets.writeInt32BE(600, 8);
  await writeFile(path, tickets);
  const { bytes } = await tokenFor(own);
  assert.match((await present(bytes)).refusal ?? '', /[Cc]lock skew/);
});

test('a ticket that has expired is refused', async () => {
  const strict = `${realm.directory}/strict.conf`;
  const settings = await readFile(realm.environment['KRB5_CONFIG'] ?? '', 'utf8');
  await writeFile(strict, settings.replace('[libdefaults]', '[libdefaults]\n  clockskew = 1'));
  const { bytes } = await tokenFor(await realm.ticket('ann', 'secret', '-l', '2s'));
  process.env['KRB5_CONFIG'] = strict;
  await using exact = await startAcceptors({
    keytab,
    principals: [SERVICE],
    processes: 1,
    logger: silentLogger,
  });
  process.env['KRB5_CONFIG'] = realm.environment['KRB5_CONFIG'];
  await sleep(3500);
  assert.match((await present(bytes, { by: schemeOf(exact) })).refusal ?? '', /expired|clock skew/i);
});

test('a negotiation of several steps goes on with the next call on its connection', async () => {
  const peer = '127.0.0.1:50001';
  const first = await present(firstToken([MECHANISM.kerberos]), { peer });
  assert.match(first.refusal ?? '', /send the next token/);
  assert.match(first.reply ?? '', /^Negotiate /);
  const bare = await bareTokenFor(ann);
  const next = nextToken(bare.bytes);
  assert.match(
    (await present(next, { peer: '127.0.0.1:50002' })).refusal ?? '',
    /no negotiation is under way/,
  );
  const second = await present(next, { peer });
  assert.equal(second.principal?.name, 'ann');
  assert.match((await present(next, { peer })).refusal ?? '', /no negotiation is under way/);
});

test('a new key is taken from the keytab at once, and the one before it goes on', async () => {
  const before = await tokenFor(ann);
  await realm.rotate(keytab, 'HTTP/localhost');
  const now = await tokenFor(await realm.ticket('ann', 'secret'));
  for (const { bytes } of [now, before]) assert.equal((await present(bytes)).principal?.name, 'ann');
});

test('lookUp() finds whoever may come, with their groups of now', async () => {
  let groups: readonly string[] = ['science'];
  const asked: string[] = [];
  const of = async (client: string) => (asked.push(client), groups);
  const by = schemeOf(acceptors, { of, lastKnown: () => groups });
  const ann = await by.lookUp?.('ann');
  assert.deepEqual(ann, { name: 'ann', groups: ['science'], scopes: [], scheme: 'kerberos' });
  assert.equal((await by.lookUp?.('root'))?.name, 'root');
  assert.deepEqual(asked, ['ann@ARMADA.TEST', 'root/admin@ARMADA.TEST']);
  assert.equal(await by.lookUp?.('ann/admin'), undefined);
  assert.equal(by.recheck?.(ann), undefined);
  groups = [];
  assert.equal(by.recheck?.(ann)?.code, 'UNAUTHENTICATED');
});

test('whoever has other groups by now is not believed any more', async () => {
  let groups: readonly string[] = ['science', 'admins'];
  const by = schemeOf(acceptors, { of: async () => groups, lastKnown: () => groups });
  const { principal } = await present((await tokenFor(ann)).bytes, { by });
  assert.deepEqual(principal?.groups, ['science', 'admins']);
  groups = ['admins', 'science'];
  assert.equal(by.recheck?.(principal), undefined);
  groups = ['science'];
  assert.equal(by.recheck?.(principal)?.code, 'UNAUTHENTICATED');
  assert.equal(by.recheck?.({ ...principal }), undefined, 'somebody of another scheme');
});

test('a stream does not go on for ever by one ticket', async () => {
  let elapsedMs = 0;
  const clock = { now: () => systemClock.now(), elapsed: () => systemClock.elapsed() + elapsedMs };
  const by = schemeOf(acceptors, undefined, clock);
  const { principal } = await present((await tokenFor(ann)).bytes, { by });
  assert.ok(principal);
  assert.equal(by.recheck?.(principal), undefined);
  elapsedMs = 60 * 60_000;
  assert.match(by.recheck?.(principal)?.message ?? '', /shown an hour ago/);
});

test('a damaged token makes nobody of anybody, and nothing dies of it', async () => {
  const { bytes } = await tokenFor(ann);
  const before = [...acceptors.pids];
  let refused = 0;
  for (let at = 60; at < bytes.length; at += 7) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 0x41;
    const { principal } = await present(damaged);
    // Some bytes mean nothing, as the number of a key where there is one key.
    assert(principal === undefined || principal.name === 'ann', `byte ${at}`);
    if (!principal) refused++;
  }
  assert(refused > 80, `${refused} were refused`);
  assert.deepEqual(acceptors.pids, before);
});

test('tokens that native code must not see do not reach it', async () => {
  const accept = (): never => assert.fail('shown to native code');
  const by = schemeOf({ accept });
  const { bytes } = await tokenFor(ann);
  const refused: [string, Buffer | string][] = [
    ['NTLM', Buffer.from('NTLMSSP\0\x01\0\0\0')],
    ['NTLM in SPNEGO', firstToken([MECHANISM.ntlm], Buffer.from('NTLMSSP\0\x01\0\0\0'))],
    ['IAKERB', firstToken([MECHANISM.kerberos, MECHANISM.iakerb])],
    ['not SPNEGO', (await bareTokenFor(ann)).bytes],
    ['cut', bytes.subarray(0, bytes.length - 1)],
    ['something behind', Buffer.concat([bytes, Buffer.from([0])])],
    ['nothing', ''],
    ['not base64', '!!!!'],
    ['not quite base64', `${bytes.toString('base64')}=`],
    ['64 KB', Buffer.alloc(65_536, 0x60)],
  ];
  for (const [what, token] of refused) {
    assert.match((await present(token, { by })).refusal ?? '', /^the Kerberos ticket is not taken/, what);
  }
});

test('a network that sends rubbish without end keeps nobody else out', async () => {
  const rubbish = `Negotiate ${firstToken([MECHANISM.kerberos], Buffer.alloc(500)).toString('base64')}`;
  const flood = Array.from({ length: 2000 }, async (_, i) =>
    scheme.authenticate(rubbish, { peer: `203.0.113.9:${i}`, certificate: undefined }),
  );
  const answers = Promise.allSettled(flood);
  for (let i = 0; i < 10; i++) {
    const { principal } = await present((await tokenFor(ann)).bytes, { peer: `198.51.100.1:${i}` });
    assert.equal(principal?.name, 'ann');
  }
  const codes = (await answers).map((one) =>
    one.status === 'rejected' ? (one.reason as { code?: string }).code : 'let in',
  );
  assert.deepEqual(new Set(codes), new Set(['UNAUTHENTICATED', 'OVERLOADED']));
});
