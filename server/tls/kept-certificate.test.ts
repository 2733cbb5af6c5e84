import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeAuthority, makeServerCertificate } from './certificate.ts';
import { authorityFileIn, isRunningOut, keptCertificate } from './kept-certificate.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW_MS = Date.UTC(2026, 0, 1);
const NAMES = ['localhost', '127.0.0.1'];

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-tls-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function idOf({ certificate }: { certificate: string }): string {
  return new X509Certificate(certificate).fingerprint256;
}

test('keptCertificate() makes what is missing once, and private keys are for nobody else', async (t) => {
  const directory = join(await temporary(t), 'deep', 'operator');
  const place = { directory, names: NAMES, nowMs: NOW_MS };
  const made = await keptCertificate(place);
  assert.deepEqual(await readdir(directory), ['ca-key.pem', 'ca.pem', 'server.pem']);
  const modes = ['ca-key.pem', 'ca.pem', 'server.pem'].map(
    (name) => statSync(join(directory, name)).mode & 0o777,
  );
  assert.deepEqual(modes, [0o600, 0o644, 0o600]);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  const trusted = readFileSync(authorityFileIn(directory), 'utf8');
  assert.ok(!trusted.includes('PRIVATE'));
  assert.ok(new X509Certificate(made.certificate).verify(new X509Certificate(trusted).publicKey));
  assert.deepEqual(await keptCertificate({ ...place, nowMs: NOW_MS + 500 * DAY_MS }), made);
  assert.deepEqual(
    [500, 600].map((days) => isRunningOut(made, NOW_MS + days * DAY_MS)),
    [false, true],
  );
});

test('keptCertificate() makes another in time and for other names, under the same authority', async (t) => {
  const directory = await temporary(t);
  const place = { directory, names: NAMES, nowMs: NOW_MS };
  const first = await keptCertificate(place);
  const trusted = readFileSync(join(directory, 'ca.pem'), 'utf8');
  const authority = new X509Certificate(trusted);
  const later = await keptCertificate({ ...place, nowMs: NOW_MS + 600 * DAY_MS });
  assert.notEqual(idOf(later), idOf(first));
  const named = await keptCertificate({
    ...place,
    names: [...NAMES, 'armada.example.com'],
    nowMs: NOW_MS + 600 * DAY_MS,
  });
  assert.notEqual(idOf(named), idOf(later));
  for (const { certificate } of [later, named]) {
    assert.ok(new X509Certificate(certificate).verify(authority.publicKey));
  }
  assert.equal(readFileSync(join(directory, 'ca.pem'), 'utf8'), trusted);
  // In its last years the authority cannot vouch for long enough.
  await keptCertificate({ ...place, nowMs: NOW_MS + 3000 * DAY_MS });
  assert.notEqual(readFileSync(join(directory, 'ca.pem'), 'utf8'), trusted);
});

test('keptCertificate() shows none that its authority does not vouch for, and does not touch damaged keys', async (t) => {
  const directory = await temporary(t);
  const place = { directory, names: NAMES, nowMs: NOW_MS };
  const first = await keptCertificate(place);
  const validity = { fromMs: NOW_MS, untilMs: NOW_MS + 800 * DAY_MS };
  const other = await makeAuthority(validity);
  const foreign = await makeServerCertificate(other, NAMES, validity);
  for (const text of [
    `${foreign.certificate}${foreign.key}`,
    `${first.certificate}${foreign.key}`,
    'rubbish',
    '',
  ]) {
    writeFileSync(join(directory, 'server.pem'), text);
    const { publicKey } = new X509Certificate(readFileSync(join(directory, 'ca.pem')));
    const made = await keptCertificate(place);
    assert.ok(new X509Certificate(made.certificate).verify(publicKey));
    assert.ok(new X509Certificate(made.certificate).checkPrivateKey(createPrivateKey(made.key)));
  }
  writeFileSync(join(directory, 'ca-key.pem'), 'rubbish');
  await assert.rejects(keptCertificate(place), { code: 'UNAVAILABLE', message: /ca-key\.pem.*remove it/ });
  assert.equal(readFileSync(join(directory, 'ca-key.pem'), 'utf8'), 'rubbish');
});

test('keptCertificate() says which file it cannot make', async (t) => {
  const directory = await temporary(t);
  writeFileSync(join(directory, 'file'), '');
  const place = { directory: join(directory, 'file', 'operator'), names: NAMES, nowMs: NOW_MS };
  await assert.rejects(keptCertificate(place), {
    code: 'UNAVAILABLE',
    message: /ca-key\.pem cannot be used/,
  });
});
