import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectFromProfile } from './connect-from-profile.ts';

test('connectFromProfile() goes where armadactl would', async (t) => {
  const homeDirectory = await mkdtemp(join(tmpdir(), 'armada-profile-'));
  t.after(() => rm(homeDirectory, { recursive: true }));
  const file = 'currentContext: a\ncontexts:\n  a: { armadaUrl: "a:1" }\n  b: { armadaUrl: "b:2" }\n';
  await writeFile(join(homeDirectory, '.armadactl.yaml'), file);
  const addressOf = async (overrides: Parameters<typeof connectFromProfile>[0]) => {
    using connection = await connectFromProfile({ homeDirectory, environment: {}, ...overrides });
    return connection.address;
  };
  assert.equal(await addressOf({}), 'a:1');
  assert.equal(await addressOf({ contextName: 'b' }), 'b:2');
  assert.equal(await addressOf({ environment: { CURRENTCONTEXT: 'b' } }), 'b:2');
  assert.equal(await addressOf({ environment: { ARMADAURL: 'c:3' } }), 'c:3');
  assert.equal(await addressOf({ environment: { ARMADAURL: 'c:3' }, address: 'd:4' }), 'd:4');
  assert.equal(await addressOf({ homeDirectory: join(homeDirectory, 'none') }), 'localhost:50051');
  using quick = await connectFromProfile({ homeDirectory, environment: {}, retryForMs: 1 });
  assert.equal(quick.retryForMs, 1);
  await assert.rejects(addressOf({ contextName: 'x' }), { name: 'ProfileError' });
});
