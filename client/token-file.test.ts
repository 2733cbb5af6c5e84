import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readProfile } from './profile.ts';

const homeDirectory = mkdtempSync(join(tmpdir(), 'armada-token-file-'));
after(() => rmSync(homeDirectory, { recursive: true, force: true }));

test('a context with tokenFileAuth sends what is in the file', async () => {
  const file = join(homeDirectory, 'token');
  const read = async (settings: object) => {
    writeFileSync(join(homeDirectory, '.armadactl.yaml'), JSON.stringify({ tokenFileAuth: settings }));
    return await readProfile({ environment: {}, homeDirectory });
  };
  const { authorization, login } = await read({ file });
  assert.equal(login, undefined);
  await assert.rejects(authorization?.('localhost:1') ?? assert.fail(), /cannot read .*token/);
  writeFileSync(file, 'a.b.c\n');
  assert.equal(await authorization?.('localhost:1'), 'Bearer a.b.c');
});
