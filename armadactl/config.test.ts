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
