import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseDuration, readProfile, type ProfileSources } from './profile.ts';

const CONTEXTS = `
currentContext: main
contexts:
  main:
    armadaUrl: armada.example.com:443
    basicAuth: {username: anna, password: "1234"}
    grpcKeepAliveTime: 1m30s
  Local:
    armadaUrl: localhost:50051
    forceNoTls: true
  empty:
kubectlCommandTemplate: "kubectl {{cmd}}"
`;

const homes = mkdtempSync(join(tmpdir(), 'armada-profile-'));
after(() => rmSync(homes, { recursive: true, force: true }));

function temporaryHome(): string {
  return mkdtempSync(join(homes, 'home-'));
}

async function read(text: string | undefined, sources: Partial<ProfileSources> = {}) {
  const homeDirectory = temporaryHome();
  if (text !== undefined) writeFileSync(join(homeDirectory, '.armadactl.yaml'), text);
  const profile = await readProfile({ environment: {}, homeDirectory, ...sources });
  return { ...profile, notices: profile.notices.map((notice) => notice.replace(homeDirectory, '~')) };
}

test('readProfile() without a file is the server on this machine', async () => {
  assert.deepEqual(await read(undefined), {
    address: 'localhost:50051',
    forceNoTls: false,
    contextName: undefined,
    notices: [],
  });
  assert.equal((await readProfile({ environment: {}, homeDirectory: undefined })).address, 'localhost:50051');
});

test('readProfile() takes the current context', async () => {
  assert.deepEqual(await read(CONTEXTS), {
    address: 'armada.example.com:443',
    forceNoTls: false,
    basicAuth: { username: 'anna', password: '1234' },
    keepAliveTimeMs: 90_000,
    contextName: 'main',
    notices: [],
  });
});

test('readProfile() takes several addresses wherever it takes one', async () => {
  const servers = 'a.example:443, b.example:443';
  assert.equal((await read(`armadaUrl: "${servers}"`)).address, servers);
  assert.equal((await read(CONTEXTS, { environment: { ARMADAURL: servers } })).address, servers);
  assert.equal((await read(CONTEXTS, { address: servers })).address, servers);
});

test('readProfile() prefers flags to environment, and environment to file', async () => {
  assert.equal((await read(CONTEXTS, { environment: { CURRENTCONTEXT: 'Local' } })).contextName, 'Local');
  assert.equal(
    (await read(CONTEXTS, { environment: { CURRENTCONTEXT: 'Local' }, contextName: 'empty' })).contextName,
    'empty',
  );
  assert.equal((await read(CONTEXTS, { environment: { ARMADAURL: 'env:1' } })).address, 'env:1');
  assert.equal(
    (await read(CONTEXTS, { environment: { ARMADAURL: 'env:1' }, address: 'flag:1' })).address,
    'flag:1',
  );
  assert.equal((await read(CONTEXTS, { environment: { ARMADAURL: '' } })).address, 'armada.example.com:443');
});

test('readProfile() keeps the case of context names, and forgives a wrong one', async () => {
  assert.equal((await read(CONTEXTS, { contextName: 'local' })).contextName, 'Local');
  const both = 'contexts: {Main: {armadaUrl: "a:1"}, main: {armadaUrl: "b:1"}}';
  assert.equal((await read(both, { contextName: 'Main' })).address, 'a:1');
  await assert.rejects(
    read(both, { contextName: 'MAIN' }),
    /there is no context "MAIN"; there are Main, main/,
  );
});

test('readProfile() reads the older flat form and keys in any case', async () => {
  const profile = await read('ArmadaURL: flat:1\nforcenotls: true\n');
  assert.equal(profile.address, 'flat:1');
  assert.equal(profile.forceNoTls, true);
  assert.deepEqual(profile.notices, []);
  await assert.rejects(read('armadaUrl: flat:1', { contextName: 'main' }), /has no contexts/);
});

test('readProfile() reads JSON', async () => {
  const homeDirectory = temporaryHome();
  writeFileSync(join(homeDirectory, '.armadactl.json'), '{"armadaUrl": "json:1"}');
  assert.equal((await readProfile({ environment: {}, homeDirectory })).address, 'json:1');
});

test('readProfile() names the place of what is wrong', async () => {
  await assert.rejects(read('contexts: {main: {forceNoTls: "yes"}}', { contextName: 'main' }), {
    name: 'ProfileError',
    message: /contexts\.main\.forceNoTls must be a boolean, got string$/,
  });
  await assert.rejects(read('basicAuth: {username: anna}'), /basicAuth\.password is missing$/);
  await assert.rejects(read('grpcKeepAliveTime: soon'), /must be a duration such as 120s, got "soon"$/);
  await assert.rejects(
    read('armadaUrl: "https://armada:443"'),
    /^ProfileError: armadaUrl: must be host:port without/,
  );
  await assert.rejects(read('armadaUrl: "a:1,,b:2"'), /armadaUrl: an address between the commas is empty/);
  await assert.rejects(read('armadaUrl: "a:1,b"'), /armadaUrl: must be host:port, .*got "b"/);
  await assert.rejects(read('contexts: [main]'), /contexts: expected keys and values/);
  await assert.rejects(read('contexts: {a: {'), /armadactl\.yaml: /);
  await assert.rejects(read(undefined, { configPath: '/nonexistent/file.yaml' }), /there is no such file/);
});

test('readProfile() tells of keys without effect', async () => {
  assert.deepEqual((await read('currentContext: a\ncontexts: {a: {basicAtuh: {}}}')).notices, [
    '~/.armadactl.yaml: contexts.a: "basicAtuh" is not a known key and has no effect',
  ]);
});

test('parseDuration() reads durations as Go writes them', () => {
  assert.equal(parseDuration('120s'), 120_000);
  assert.equal(parseDuration('1h2m3.5s'), 3_723_500);
  assert.equal(parseDuration('250ms'), 250);
  for (const text of ['', '5', 's', '-5s', '1d', '5 s']) assert.equal(parseDuration(text), undefined, text);
});
