import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import type { MtlsConfig } from './config.ts';
import { openMtls } from './scheme.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-mtls-'));
after(() => rmSync(directory, { recursive: true }));

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
}

function authority(name: string): string {
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '9',
  ];
  openssl(...made, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`);
  return join(directory, `${name}.pem`);
}

/** In DER form, as connections bring it. */
function certificate(subject: string, { by, names }: { by: string; names?: string }): Buffer {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'one.key'];
  openssl('req', ...key, '-subj', subject, '-out', 'one.csr');
  writeFileSync(
    join(directory, 'one.ext'),
    names === undefined ? 'keyUsage=digitalSignature' : `subjectAltName=${names}`,
  );
  const signing = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-days', '2', '-extfile', 'one.ext'];
  openssl('x509', '-req', '-in', 'one.csr', ...signing, '-out', 'one.pem');
  return new X509Certificate(readFileSync(join(directory, 'one.pem'))).raw;
}

const ours = authority('ours');
authority('theirs');
const anna = certificate('/O=Example/OU=research/OU=ops/CN=anna', {
  by: 'ours',
  names: 'email:anna@example.com',
});
const executor = certificate('/CN=anna', {
  by: 'theirs',
  names: 'URI:spiffe://example.com/executor/7,DNS:A.example.com',
});

function endOf(certificate: Buffer): number {
  return new X509Certificate(certificate).validToDate.getTime();
}

async function open(principals: MtlsConfig['principals'], nowMs = () => Date.now()) {
  const scheme = await openMtls({ schemes: ['mtls'], mtls: { principals } }, { ...systemClock, now: nowMs });
  assert.ok(scheme);
  const who = (certificate: Buffer | undefined, authorization?: string) =>
    scheme.authenticate(authorization, { peer: '', certificate });
  return { scheme, who };
}

test('a certificate names its holder by the first rule that fits', async () => {
  const { who } = await open([
    { from: 'uri', pattern: 'spiffe://example.com/executor/*', name: 'executor-$1', groups: ['executors'] },
    { from: 'commonName', pattern: '*', groups: [], groupsFrom: 'organizationalUnit', authorityFile: ours },
  ]);
  assert.deepEqual(await who(anna), {
    name: 'anna',
    groups: ['research', 'ops'],
    scopes: [],
    scheme: 'mtls',
    expiresMs: endOf(anna),
  });
  assert.deepEqual(await who(executor), {
    name: 'executor-7',
    groups: ['executors'],
    scopes: [],
    scheme: 'mtls',
    expiresMs: endOf(executor),
  });
  assert.equal(await who(anna), await who(anna), 'it is read once');
});

test('a certificate of another authority than the rule wants, or of nobody, is refused and never anonymous', async () => {
  const { who } = await open([{ from: 'commonName', pattern: 'anna', groups: [], authorityFile: ours }]);
  assert.equal((await who(anna))?.name, 'anna');
  const refused = { code: 'UNAUTHENTICATED', message: /no rule of this server names the holder/ };
  assert.throws(() => who(executor), refused);
  assert.throws(() => who(executor), refused, 'and again');
});

test('who presents other credentials, or no certificate, is left to the other schemes', async () => {
  const { who } = await open([{ from: 'commonName', pattern: '*', groups: [] }]);
  assert.equal(await who(anna, 'Basic eDp5'), undefined);
  assert.equal(await who(undefined), undefined);
});

test('on a connection that stays open a certificate is good until it expires', async () => {
  let nowMs = Date.now();
  const { scheme, who } = await open([{ from: 'commonName', pattern: '*', groups: [] }], () => nowMs);
  const principal = await who(anna);
  assert.ok(principal);
  assert.equal(scheme.recheck?.(principal), undefined);
  nowMs += 3 * 24 * 60 * 60 * 1000;
  assert.equal(scheme.recheck?.(principal)?.code, 'UNAUTHENTICATED');
  assert.throws(() => who(anna), { code: 'UNAUTHENTICATED', message: /has expired/ });
});

test('openMtls() names the setting that is wrong, and opens nothing that is not asked for', async () => {
  const rule: MtlsConfig['principals'][number] = { from: 'commonName', pattern: '*', groups: [] };
  writeFileSync(join(directory, 'empty.pem'), '');
  for (const [file, fault] of [
    ['none.pem', 'name a file that can be read'],
    ['empty.pem', 'hold certificates of authorities'],
  ]) {
    await assert.rejects(open([rule, { ...rule, authorityFile: join(directory, String(file)) }]), {
      code: 'INVALID_REQUEST',
      message: new RegExp(`^auth\\.mtls\\.principals\\.1\\.authorityFile must ${fault}`),
    });
  }
  await assert.rejects(openMtls({ schemes: ['mtls'] }, systemClock), { message: /^auth\.mtls must say/ });
  assert.equal(await openMtls({ schemes: ['basic'] }, systemClock), undefined);
});
