import assert from 'node:assert/strict';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { armadactl, temporaryDirectory } from './testing/launch.ts';

const FILE = `# servers
currentContext: main # the usual one

contexts:
  # production
  main:
    armadaUrl: armada.example.com:443
  Local:
    armadaUrl: localhost:50051
extra: [kept]
`;

function home(): { HOME: string; path: string } {
  const HOME = temporaryDirectory();
  const path = join(HOME, 'real.yaml');
  writeFileSync(path, FILE, { mode: 0o640 });
  symlinkSync('real.yaml', join(HOME, '.armadactl.yaml'));
  return { HOME, path };
}

test('config use-context changes one entry and keeps everything else, links and permissions too', async () => {
  const { HOME, path } = home();
  const environment = { HOME };
  const used = await armadactl(['config', 'use-context', 'local'], { environment });
  assert.deepEqual([used.exitCode, used.stdout], [0, 'Current context is now Local\n']);
  assert.equal(readFileSync(path, 'utf8'), FILE.replace('currentContext: main', 'currentContext: Local'));
  assert.equal(statSync(path).mode & 0o777, 0o640);
  const current = await armadactl(['config', 'current-context'], { environment });
  assert.equal(current.stdout, 'Local\n');
});

test('config get-contexts marks the current one, which CURRENTCONTEXT overrides', async () => {
  const { HOME } = home();
  const listed = await armadactl(['config', 'get-contexts'], {
    environment: { HOME, CURRENTCONTEXT: 'Local' },
  });
  assert.equal(
    listed.stdout,
    'CURRENT  NAME   ADDRESS\n         main   armada.example.com:443\n*        Local  localhost:50051\n',
  );
});

test('config without a file, or for a context that is missing, ends with 2', async () => {
  const none = await armadactl(['config', 'get-contexts']);
  assert.equal(none.exitCode, 2);
  assert.match(none.stderr, /^error: there is no configuration file\n/);
  const { HOME } = home();
  const missing = await armadactl(['config', 'use-context', 'prod'], { environment: { HOME } });
  assert.equal(missing.exitCode, 2);
  assert.match(missing.stderr, /there is no context "prod"; there are main, Local/);
});

test('config set-context makes a file that only its owner reads, and view masks what is secret', async () => {
  const HOME = temporaryDirectory();
  const environment = { HOME };
  const made = await armadactl(['config', 'set-context', 'prod', '--armadaUrl', 'a.example.com:443'], {
    environment,
  });
  const path = join(HOME, '.armadactl.yaml');
  assert.deepEqual(
    [made.exitCode, made.stdout],
    [0, `Made context prod in ${path}; it is the current one\n`],
  );
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const login = ['config', 'set-context', 'PROD', '--username', 'anna', '--password-stdin', '--force-no-tls'];
  assert.equal((await armadactl(login, { environment, input: 's3cret\n' })).exitCode, 0);
  assert.equal(
    readFileSync(path, 'utf8'),
    'contexts:\n  prod:\n    armadaUrl: a.example.com:443\n    forceNoTls: true\n' +
      '    basicAuth:\n      username: anna\n      password: s3cret\ncurrentContext: prod\n',
  );
  const viewed = await armadactl(['config', 'view'], { environment });
  assert.match(viewed.stdout, /password: "\*\*\*"/);
  assert.doesNotMatch(viewed.stdout, /s3cret/);
  const kinds = `
openIdPasswordAuth: { clientId: cli, password: s3cret }
tokenFileAuth: { file: /run/token }
execAuth: { cmd: print-token, args: [--key, s3cret], env: [{ name: KEY, value: s3cret }] }
`;
  writeFileSync(join(HOME, 'kinds.yaml'), kinds);
  const others = await armadactl(['config', 'view', '--config', join(HOME, 'kinds.yaml')], { environment });
  assert.match(others.stdout, /clientId: cli[^]*file: \/run\/token[^]*cmd: print-token/);
  assert.doesNotMatch(others.stdout, /s3cret/);
  const incomplete = await armadactl(['config', 'set-context', 'other'], { environment });
  assert.equal(incomplete.exitCode, 2);
  assert.match(incomplete.stderr, /a new context needs an address/);
  const wrong = await armadactl(['config', 'set-context', 'prod', '--armadaUrl', 'a:1,'], { environment });
  assert.equal(wrong.exitCode, 2);
  assert.match(wrong.stderr, /--armadaUrl: an address between the commas is empty: "a:1,"/);
});

test('config set-context keeps what to trust and what to show, and plaintext takes it back', async () => {
  const HOME = temporaryDirectory();
  const set = (...args: string[]) =>
    armadactl(['config', 'set-context', 'prod', ...args], { environment: { HOME } });
  const text = (): string => readFileSync(join(HOME, '.armadactl.yaml'), 'utf8');
  await set('--armadaUrl', 'a.example.com:443', '--force-no-tls');
  await set('--ca', 'ca.pem', '--cert', '/etc/one.pem', '--key', '/etc/one.key', '--insecure');
  const ca = join(process.cwd(), 'ca.pem');
  assert.equal(
    text(),
    'contexts:\n  prod:\n    armadaUrl: a.example.com:443\n    forceNoTls: false\n    insecure: true\n' +
      `    caFile: ${ca}\n    certFile: /etc/one.pem\n    keyFile: /etc/one.key\ncurrentContext: prod\n`,
  );
  await set('--tls');
  assert.match(text(), /insecure: false/);
  await set('--force-no-tls');
  assert.doesNotMatch(text(), /File|insecure/);
  const both = await set('--force-no-tls', '--ca', 'ca.pem');
  assert.equal(both.exitCode, 2);
  assert.match(both.stderr, /--force-no-tls cannot stand beside --tls, --ca/);
});

test('config set-context and delete-context keep comments, other keys, links and permissions', async () => {
  const { HOME, path } = home();
  const environment = { HOME };
  await armadactl(['config', 'set-context', 'local', '--armadaUrl', 'localhost:1'], { environment });
  const changed = readFileSync(path, 'utf8');
  assert.match(changed, /# servers\n[^]*# production\n[^]*Local:\n {4}armadaUrl: localhost:1\n/);
  const deleted = await armadactl(['config', 'delete-context', 'main'], { environment });
  assert.deepEqual([deleted.exitCode, deleted.stdout], [0, 'Deleted context main\n']);
  assert.match(deleted.stderr, /it was the current context/);
  const text = readFileSync(path, 'utf8');
  assert.doesNotMatch(text, /currentContext|main:/);
  assert.match(text, /extra:/);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.equal((await armadactl(['config', 'delete-context', 'main'], { environment })).exitCode, 2);
});
