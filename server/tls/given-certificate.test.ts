import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeAuthority } from './certificate.ts';
import { givenCertificate } from './given-certificate.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const validity = { fromMs: NOW_MS, untilMs: NOW_MS + 24 * 60 * 60 * 1000 };
const [one, other] = await Promise.all([makeAuthority(validity), makeAuthority(validity)]);

async function writer(t: TestContext): Promise<(name: string, text: string) => string> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-tls-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return (name, text) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
}

test('givenCertificate() takes a certificate with its key, and names the setting that is wrong', async (t) => {
  const file = await writer(t);
  const given = (certificatePath: string, keyPath: string) =>
    givenCertificate({
      certificate: { setting: 'tls.certificateFile', path: certificatePath },
      key: { setting: 'tls.keyFile', path: keyPath },
    });
  const certificateFile = file('one.pem', `${one.certificate}${other.certificate}`);
  const keyFile = file('one.key', one.key);
  assert.deepEqual(await given(certificateFile, keyFile), {
    certificate: `${one.certificate}${other.certificate}`,
    key: one.key,
  });
  const wrong: [string, string, RegExp][] = [
    [`${keyFile}.none`, keyFile, /^tls\.certificateFile must name a file that can be read.*ENOENT/],
    [keyFile, keyFile, /^tls\.certificateFile must hold a certificate/],
    [certificateFile, certificateFile, /^tls\.keyFile must hold a private key/],
    [certificateFile, file('other.key', other.key), /^tls\.keyFile must hold the key of the first/],
  ];
  for (const [certificate, key, message] of wrong) {
    await assert.rejects(given(certificate, key), { code: 'INVALID_REQUEST', message });
  }
});
