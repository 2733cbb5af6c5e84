import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ProfileSources } from './profile.ts';
import { readProfile } from './profile.ts';

const homes = mkdtempSync(join(tmpdir(), 'armada-credentials-'));
after(() => rmSync(homes, { recursive: true, force: true }));

/** The profile of a file in the older form, which is one context. */
async function read(text: string, sources: Partial<ProfileSources> = {}) {
  const homeDirectory = mkdtempSync(join(homes, 'home-'));
  writeFileSync(join(homeDirectory, '.armadactl.yaml'), text);
  const profile = await readProfile({ environment: {}, homeDirectory, ...sources });
  return { ...profile, notices: profile.notices.map((notice) => notice.replace(homeDirectory, '~')) };
}

const PROVIDER = 'providerUrl: https://login.example.com, clientId: cli';

test('readProfile() takes every kind of credentials that Armada has, and our own', async () => {
  const basic = await read('basicAuth: {username: anna, password: "1"}');
  assert.deepEqual(basic.basicAuth, { username: 'anna', password: '1' });
  for (const kind of [
    `openIdAuth: {${PROVIDER}, localPort: 8085, scopes: [openid]}`,
    `openIdDeviceAuth: {${PROVIDER}, scopes: []}`,
    `openIdPasswordAuth: {${PROVIDER}, username: anna, password: secret, scopes: []}`,
    `openIdClientCredentialsAuth: {${PROVIDER}, clientSecret: secret, scopes: [jobs]}`,
    `openIdKubernetesAuth: {${PROVIDER}, scopes: []}`,
    'kerberosAuth: {enabled: true, service: armada}',
    'execAuth: {cmd: print-token, args: [--now], env: [{name: A, value: b}], interactive: true}',
    'accessKeyAuth: {accessKey: armada-key-1, secret: armada-secret-1}',
    'kubernetesNativeAuth: {enabled: true, expiry: 3600}',
    'tokenFileAuth: {file: /nowhere/token}',
  ]) {
    const profile = await read(kind);
    assert.equal(typeof profile.authorization, 'function', kind);
    assert.deepEqual(profile.notices, [], kind);
    assert.equal(profile.basicAuth, undefined);
    assert.equal(profile.login !== undefined, /^openId(?:Device)?Auth/.test(kind), kind);
  }
});

test('readProfile() asks for openid wherever people log in, and for what else the context says', async () => {
  const scopes = async (kind: string, said: string) =>
    (await read(`${kind}: {${PROVIDER}${said}}`)).login?.scopes;
  assert.deepEqual(await scopes('openIdAuth', ''), ['openid', 'offline_access']);
  assert.deepEqual(await scopes('openIdDeviceAuth', ', scopes: []'), ['openid']);
  assert.deepEqual(await scopes('openIdAuth', ', scopes: [jobs, openid]'), ['openid', 'jobs']);
  const one = await read(`openIdAuth: {${PROVIDER}, audience: armada, resource: "urn:a"}`);
  assert.deepEqual([one.login?.audience, one.login?.resources], ['armada', ['urn:a']]);
});

test('readProfile() takes what is empty or switched off as not there', async () => {
  const nothing = `
basicAuth: {username: "", password: ""}
openIdAuth: {providerUrl: "", clientId: "", localPort: 0, scopes: []}
openIdPasswordAuth: {}
openIdKubernetesAuth:
kerberosAuth: {enabled: false}
kubernetesNativeAuth: {enabled: false, expiry: 0}
execAuth: {cmd: ""}
`;
  const profile = await read(nothing);
  assert.deepEqual([profile.basicAuth, profile.authorization, profile.notices], [undefined, undefined, []]);
  const { authorization } = await read(`${nothing}accessKeyAuth: {accessKey: a, secret: b}`);
  assert.equal(typeof authorization, 'function');
});

test('readProfile() takes the first kind in the order of Armada, and says which others have no effect', async () => {
  const profile = await read(
    'kerberosAuth: {enabled: true}\naccessKeyAuth: {accessKey: a, secret: b}\nbasicAuth: {username: anna, password: "1"}',
  );
  assert.deepEqual(profile.basicAuth, { username: 'anna', password: '1' });
  assert.equal(profile.authorization, undefined);
  assert.deepEqual(profile.notices, [
    '~/.armadactl.yaml: kerberosAuth has no effect beside basicAuth',
    '~/.armadactl.yaml: accessKeyAuth has no effect beside basicAuth',
  ]);
});

test('readProfile() names what is missing or of the wrong kind', async () => {
  for (const [file, message] of [
    ['basicAuth: {username: anna}', /basicAuth\.password is missing$/],
    ['basicAuth: {password: "1"}', /basicAuth\.username is missing$/],
    ['basicAuth: {username: anna, password: 1234}', /basicAuth\.password must be a string, got number$/],
    ['kerberosAuth: {enabled: "yes"}', /kerberosAuth\.enabled must be a boolean/],
    ['tokenFileAuth: {path: /nowhere/token}', /tokenFileAuth\.file is missing$/],
    ['accessKeyAuth: {accessKey: armada-key-1}', /accessKeyAuth\.secret is missing$/],
    ['accessKeyAuth: {secret: armada-secret-1}', /accessKeyAuth\.accessKey is missing$/],
    [`openIdPasswordAuth: {${PROVIDER}, username: anna}`, /openIdPasswordAuth\.password is missing$/],
    [
      'openIdAuth: {providerUrl: https://a, clientId: 5}',
      /openIdAuth\.clientId must be a string, got number$/,
    ],
    [`openIdAuth: {${PROVIDER}, resource: 5}`, /openIdAuth\.resource must be a list of texts$/],
    ['openIdAuth: {providerUrl: "http://login.example.com", clientId: a}', /must be https:\/\/HOST/],
    ['execAuth: {cmd: a, interactive: "yes"}', /execAuth\.interactive must be a boolean$/],
    ['basicAuth: anna', /basicAuth: expected keys and values$/],
  ] as const) {
    await assert.rejects(read(file), { name: 'ProfileError', message }, file);
  }
});

test('readProfile() lets a password be asked for when a call needs it, where somebody can be asked', async () => {
  const questions: string[] = [];
  const answers = ['secret', undefined];
  const askPassword = async (question: string) => {
    questions.push(question);
    return answers.shift();
  };
  const file = 'armadaUrl: armada.example.com:443\nbasicAuth: {username: anna}';
  const { authorization } = await read(file, { askPassword });
  assert.deepEqual(questions, []);
  assert.equal(await authorization?.(''), `Basic ${Buffer.from('anna:secret').toString('base64')}`);
  assert.deepEqual(questions, ['password of anna for armada.example.com:443: ']);
  await assert.rejects(async () => authorization?.(''), /basicAuth\.password is missing, and none was typed/);
  await read('basicAuth: {username: anna, password: "1"}', { askPassword });
  assert.equal(questions.length, 2);
  const { authorization: ofEmpty } = await read('basicAuth: {username: anna, password: ""}', { askPassword });
  assert.equal(typeof ofEmpty, 'function');
});
