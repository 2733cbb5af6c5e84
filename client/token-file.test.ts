import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { podTokenAuthorization, tokenFileAuthorization } from './token-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-pod-'));
after(() => rmSync(directory, { recursive: true }));

test('podTokenAuthorization() sends what lies in a pod as the clients of Armada do', async () => {
  await assert.rejects(podTokenAuthorization(directory)(), /cannot read .*token/);
  writeFileSync(join(directory, 'token'), 'a.b.c\n');
  await assert.rejects(podTokenAuthorization(directory)(), /ca\.crt/);
  writeFileSync(join(directory, 'ca.crt'), 'of the cluster');
  const [form, sent = ''] = (await podTokenAuthorization(directory)()).split(' ');
  assert.equal(form, 'KubernetesAuth');
  const { token, ca } = JSON.parse(Buffer.from(sent, 'base64url').toString());
  assert.equal(token, 'a.b.c');
  assert.equal(Buffer.from(ca, 'base64url').toString(), 'of the cluster');
  assert.equal(await tokenFileAuthorization(join(directory, 'token'))(), 'Bearer a.b.c');
});
