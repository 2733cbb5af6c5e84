import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from './connect.ts';
import { type ProfileSources, readProfile } from './profile.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-profile-'));
after(() => rmSync(directory, { recursive: true }));

function read(text: string, sources: Partial<ProfileSources> = {}) {
  const configPath = join(directory, 'config.yaml');
  writeFileSync(configPath, text);
  return readProfile({ configPath, environment: {}, homeDirectory: undefined, ...sources });
}

const CONTEXT = 'armadaUrl: a:1\ncaFile: ca.pem\ncertFile: /etc/one.pem\nkeyFile: keys/one.key\n';

test('readProfile() reads what to trust and what to show, beside the file that names it', async () => {
  const { tls, notices, forceNoTls } = await read(CONTEXT);
  assert.deepEqual(tls, {
    caFile: join(directory, 'ca.pem'),
    certFile: '/etc/one.pem',
    keyFile: join(directory, 'keys/one.key'),
  });
  assert.deepEqual([notices, forceNoTls], [[], false]);
  assert.equal((await read('armadaUrl: a:1\ninsecure: false\n')).tls, undefined);
  assert.deepEqual((await read('armadaUrl: a:1\ninsecure: true\n')).tls, { insecure: true });
});

test('readProfile() lets flags win over the environment, and that over the file', async () => {
  const environment = { ARMADA_CA_FILE: 'env.pem', ARMADA_CERT_FILE: 'env.crt', ARMADA_INSECURE: 'true' };
  const { tls } = await read(CONTEXT, { environment, tls: { caFile: 'flag.pem' } });
  assert.deepEqual(tls, {
    caFile: 'flag.pem',
    certFile: 'env.crt',
    keyFile: join(directory, 'keys/one.key'),
    insecure: true,
  });
  const plain = 'armadaUrl: a:1\nforceNoTls: true\n';
  assert.equal((await read(plain, { tls: { insecure: true } })).forceNoTls, false);
  assert.equal((await read(plain)).forceNoTls, true);
});

test('readProfile() names what is wrong', async () => {
  const wrong: [string, Partial<ProfileSources>, RegExp][] = [
    ['caFile: 1', {}, /caFile must be a string, got number/],
    ['insecure: "yes"', {}, /insecure must be a boolean, got string/],
    ['certFile: a', {}, /^certFile needs keyFile: give --key/],
    ['', { tls: { keyFile: 'a' } }, /^keyFile needs certFile: give --cert/],
    ['', { environment: { ARMADA_INSECURE: '1' } }, /ARMADA_INSECURE must be true or false, got "1"/],
    ['forceNoTls: true\ncaFile: a', {}, /forceNoTls and caFile exclude each other/],
  ];
  for (const [text, sources, message] of wrong) {
    await assert.rejects(read(`armadaUrl: a:1\n${text}\n`, sources), { name: 'ProfileError', message });
  }
});

test('connect() refuses files that cannot be used, before anything is sent', () => {
  const empty = join(directory, 'empty.pem');
  writeFileSync(empty, '');
  const address = 'localhost:1';
  for (const [tls, message] of [
    [{ caFile: join(directory, 'none.pem') }, /cannot read .*none\.pem/],
    [{ caFile: empty }, /no usable certificate or key in .*empty\.pem/],
    [{ certFile: empty }, /needs its key/],
  ] as const) {
    assert.throws(() => connect({ address, tls }), { code: 'INVALID_ARGUMENT', message });
  }
  assert.throws(() => connect({ address, tls: { insecure: true }, forceNoTls: true }), /exclude each other/);
});
