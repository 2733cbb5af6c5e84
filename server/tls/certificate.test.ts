import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeAuthority, makeServerCertificate } from './certificate.ts';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const NOW_MS = Date.UTC(2026, 6, 1, 12, 30, 15);
const NAMES = ['localhost', 'Armada.Example.com', '127.0.0.1', '::1', '2001:db8::1.2.3.4', 'fe80::1%eth0'];

const authority = await makeAuthority({ fromMs: NOW_MS, untilMs: NOW_MS + 40 * YEAR_MS });
const made = await makeServerCertificate(authority, NAMES, { fromMs: NOW_MS, untilMs: NOW_MS + YEAR_MS });

test('a server certificate is vouched for by its authority, for its names alone and for its time', async () => {
  const [ca, server] = [new X509Certificate(authority.certificate), new X509Certificate(made.certificate)];
  assert.deepEqual([ca.ca, server.ca], [true, false]);
  assert.ok(ca.verify(ca.publicKey) && server.verify(ca.publicKey) && server.checkIssued(ca));
  assert.ok(server.checkPrivateKey(createPrivateKey(made.key)));
  assert.equal(server.validFromDate.getTime(), NOW_MS);
  assert.equal(server.validToDate.getTime(), NOW_MS + YEAR_MS);
  // Its year is written with four digits, unlike that of the others.
  assert.equal(ca.validToDate.getTime(), NOW_MS + 40 * YEAR_MS);
  for (const name of ['localhost', 'armada.example.com']) assert.ok(server.checkHost(name), name);
  for (const address of ['127.0.0.1', '::1', '2001:db8::102:304', 'fe80::1']) {
    assert.ok(server.checkIP(address), address);
  }
  assert.equal(server.checkHost('example.com'), undefined);
  assert.equal(server.checkIP('127.0.0.2'), undefined);
  const other = await makeAuthority({ fromMs: NOW_MS, untilMs: NOW_MS });
  assert.notEqual(other.certificate, authority.certificate);
});

test('another implementation takes them as what they are, and not as what they are not', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'armada-certificate-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const [ca, server] = [join(directory, 'ca.pem'), join(directory, 'server.pem')];
  writeFileSync(ca, authority.certificate);
  writeFileSync(server, made.certificate);
  const at = ['-attime', String(NOW_MS / 1000 + 60)];
  const verify = (...args: string[]): string =>
    execFileSync('openssl', ['verify', '-x509_strict', '-check_ss_sig', ...args], {
      stdio: 'pipe',
    }).toString();
  assert.match(verify(...at, '-CAfile', ca, '-purpose', 'sslserver', server), /: OK/);
  assert.match(verify(...at, '-CAfile', ca, '-verify_hostname', 'localhost', server), /: OK/);
  assert.match(verify(...at, '-CAfile', ca, '-purpose', 'sslclient', server), /: OK/);
  assert.throws(() => verify(...at, '-CAfile', ca, '-purpose', 'smimesign', server));
  assert.throws(() => verify(...at, '-CAfile', ca, '-verify_hostname', 'example.com', server));
  assert.throws(() => verify('-attime', String(NOW_MS / 1000 + 400 * 86_400), '-CAfile', ca, server));
  // What it vouches for vouches for nobody.
  const beyond = join(directory, 'beyond.pem');
  const validity = { fromMs: NOW_MS, untilMs: NOW_MS + YEAR_MS };
  writeFileSync(beyond, (await makeServerCertificate(made, NAMES, validity)).certificate);
  assert.throws(() => verify(...at, '-CAfile', ca, '-untrusted', server, beyond), /invalid CA certificate/);
});
