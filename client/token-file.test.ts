import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, test } from 'node:test';
import { readProfile } from './profile.ts';
import { podTokenAuthorization } from './token-file.ts';

const homeDirectory = mkdtempSync(join(tmpdir(), 'armada-token-file-'));
after(() => rmSync(homeDirectory, { recursive: true, force: true }));

async function read(settings: object) {
  writeFileSync(join(homeDirectory, '.armadactl.yaml'), JSON.stringify({ tokenFileAuth: settings }));
  return await readProfile({ environment: {}, homeDirectory });
}

test('a context with tokenFileAuth sends what is in the file', async () => {
  const file = join(homeDirectory, 'token');
  const { authorization, login } = await read({ file });
  assert.equal(login, undefined);
  await assert.rejects(authorization?.('localhost:1') ?? assert.fail(), /cannot read .*token/);
  writeFileSync(file, 'a.b.c\n');
  assert.equal(await authorization?.('localhost:1'), 'Bearer a.b.c');
});

test('the file lies beside the configuration file that names it', async () => {
  writeFileSync(join(homeDirectory, 'beside'), 'd.e.f\n');
  const { authorization } = await read({ file: 'beside' });
  assert.equal(await authorization?.('localhost:1'), 'Bearer d.e.f');
});

test('podTokenAuthorization() follows the certificate as it does the token', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const directory = mkdtempSync(join(homeDirectory, 'pod-'));
  const write = (name: string, value: string) => writeFileSync(join(directory, name), value);
  write('token', 'one');
  write('ca.crt', 'first');
  const authorization = podTokenAuthorization(directory);
  const sent = async () => {
    const [scheme, value = ''] = (await authorization()).split(' ');
    const { token, ca } = JSON.parse(Buffer.from(value, 'base64url').toString());
    return [scheme, token, Buffer.from(ca, 'base64url').toString()];
  };
  assert.deepEqual(await sent(), ['KubernetesAuth', 'one', 'first']);
  write('ca.crt', 'second');
  assert.deepEqual(await sent(), ['KubernetesAuth', 'one', 'first'], 'it is read with every call');
  nowMs = 6_000;
  assert.deepEqual(await sent(), ['KubernetesAuth', 'one', 'second']);
  rmSync(join(directory, 'ca.crt'));
  nowMs = 12_000;
  assert.deepEqual(await sent(), ['KubernetesAuth', 'one', 'second'], 'it is about to be replaced');
});
