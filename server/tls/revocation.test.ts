import assert from 'node:assert/strict';
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import 'reflect-metadata';
import {
  Extension,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509Certificate as PortableCertificate,
} from '@peculiar/x509';
import { type KeyedCertificate, makeAuthority, makeServerCertificate } from './certificate.ts';
import { followRevocations, type Revocations } from './revocation.ts';

const NOW_MS = Date.now();
const DAY_MS = 24 * 60 * 60 * 1000;
const SETTING = 'tls.clients.revokedFile';
const validity = { fromMs: NOW_MS - DAY_MS, untilMs: NOW_MS + DAY_MS };
const KEYS = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const directory = await mkdtemp(join(tmpdir(), 'armada-revoked-'));
after(() => rm(directory, { recursive: true }));
const [ours, theirs] = await Promise.all([makeAuthority(validity), makeAuthority(validity)]);
const [lost, kept] = await Promise.all(
  ['lost', 'kept'].map(async (name) => certificateOf(await makeServerCertificate(ours, [name], validity))),
);
assert.ok(lost && kept);

function certificateOf({ certificate }: KeyedCertificate): X509Certificate {
  return new X509Certificate(certificate);
}

/** A list as an authority would publish it. */
async function listOf(
  authority: KeyedCertificate,
  serialNumbers: readonly string[],
  more: { nextUpdate?: Date; extensions?: Extension[]; signedBy?: KeyedCertificate } = {},
): Promise<string> {
  const { signedBy = authority, nextUpdate = new Date(NOW_MS + DAY_MS), extensions = [] } = more;
  const list = await X509CrlGenerator.create({
    issuer: new PortableCertificate(authority.certificate).subject,
    thisUpdate: new Date(NOW_MS - DAY_MS),
    nextUpdate,
    extensions,
    entries: serialNumbers.map((serialNumber) => ({ serialNumber })),
    signingAlgorithm: KEYS,
    signingKey: await signingKeyOf(signedBy),
  });
  return `${list.toString('pem')}\n`;
}

async function signingKeyOf({ key }: KeyedCertificate): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(key).export({ format: 'der', type: 'pkcs8' });
  return await webcrypto.subtle.importKey('pkcs8', der, KEYS, false, ['sign']);
}

/**
 * Says nothing of the key that it is signed with: only the signature tells which it was.
 * @param by its own when left out
 */
async function bareCertificate(subject: string, by?: KeyedCertificate): Promise<KeyedCertificate> {
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.create({
    serialNumber: '0a',
    issuer: by ? new PortableCertificate(by.certificate).subject : subject,
    subject,
    notBefore: new Date(validity.fromMs),
    notAfter: new Date(validity.untilMs),
    publicKey,
    signingAlgorithm: KEYS,
    signingKey: by ? await signingKeyOf(by) : privateKey,
  });
  const key = KeyObject.from(privateKey).export({ format: 'pem', type: 'pkcs8' });
  return { certificate: `${made.toString('pem')}\n`, key: String(key) };
}

const file = { setting: SETTING, path: join(directory, 'revoked.pem') };

async function given(
  text: string,
  trusted = [ours, theirs],
  read = followRevocations(file),
): Promise<Revocations> {
  await writeFile(file.path, text);
  return await read(trusted.map(({ certificate }) => certificate).join(''));
}

test('followRevocations() knows what each authority has taken back of its own', async () => {
  const list = await listOf(ours, [lost.serialNumber]);
  const revocations = await given(`${await listOf(theirs, [kept.serialNumber])}${list}`);
  assert.equal(revocations.isRevoked(lost), true);
  assert.equal(revocations.isRevoked(kept), false, 'taken back by another authority');
  assert.deepEqual(revocations.remarks(NOW_MS), []);
});

test('an authority takes back nothing of another with its name, whatever numbers they give', async () => {
  const one = await bareCertificate('CN=same');
  const other = await bareCertificate('CN=same');
  const [first, second] = await Promise.all(
    [one, other].map(async (by) => certificateOf(await bareCertificate('CN=client', by))),
  );
  assert.ok(first && second);
  const text = `${await listOf(one, [])}${await listOf(other, ['0a'])}`;
  for (const trusted of [
    [one, other],
    [other, one],
  ]) {
    const revocations = await given(text, trusted);
    assert.equal(revocations.isRevoked(first), false, 'taken back by another authority');
    assert.equal(revocations.isRevoked(second), true);
  }
});

test('followRevocations() does not read the same twice, be it good or not', async () => {
  const read = followRevocations(file);
  const good = await listOf(ours, [lost.serialNumber]);
  const bad = await listOf(ours, [lost.serialNumber], { signedBy: theirs });
  const once = await given(good, [ours], read);
  assert.equal(await given(good, [ours], read), once);
  assert.notEqual(await given(good, [ours, theirs], read), once);
  const faults = await Promise.all(
    [1, 2].map(() => given(bad, [ours], read).catch((fault: unknown) => fault)),
  );
  assert.equal(faults[0], faults[1]);
  assert.equal((await given(good, [ours], read)).isRevoked(lost), true);
});

test('whoever was certified by an authority that was taken back itself is taken back too', async () => {
  const revocations = await given(await listOf(ours, [certificateOf(ours).serialNumber]));
  assert.equal(revocations.isRevoked(lost), true);
});

test('a list that should have been followed by another still counts, and so it is said', async () => {
  const nextUpdate = new Date(NOW_MS - 1000);
  const revocations = await given(await listOf(ours, [lost.serialNumber], { nextUpdate }));
  assert.equal(revocations.isRevoked(lost), true);
  assert.match(revocations.remarks(NOW_MS).join(), /should be a newer list of CN=Armada server/);
});

test('a list of an authority that is not trusted counts for nothing, and so it is said', async () => {
  const revocations = await given(await listOf(ours, [lost.serialNumber]), [theirs]);
  assert.equal(revocations.isRevoked(lost), false);
  assert.match(revocations.remarks(NOW_MS).join(), /is not in authorityFile/);
});

test('followRevocations() refuses what is no list, or not of whom it says, and names the setting', async () => {
  const list = await listOf(ours, [lost.serialNumber]);
  const delta = [new Extension('2.5.29.27', true, new Uint8Array([2, 1, 1]))];
  const wrong: [string, RegExp][] = [
    ['', /must hold lists/],
    [ours.certificate, /must hold lists/],
    [list.replace(/[A-Za-z]{20}/, ''), /must hold whole lists/],
    [await listOf(ours, [], { signedBy: theirs }), /must hold lists signed by their authority/],
    [await listOf(ours, [lost.serialNumber], { extensions: delta }), /not what has changed/],
  ];
  for (const [text, message] of wrong) {
    await assert.rejects(given(text), { code: 'INVALID_REQUEST', message }, String(message));
  }
  const missing = followRevocations({ setting: SETTING, path: join(directory, 'none') });
  await assert.rejects(missing(ours.certificate), /tls\.clients\.revokedFile/);
});
