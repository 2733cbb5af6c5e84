// Makes a checkout ready: installs what the lock file names and generates code
// from the protos. Runs before start, test, check and bench, on whatever Node
// the system has (20 or later), hence plain JavaScript. A stamp makes the
// second run cost nothing.
//
// The package kerberos is optional and native: npm fetches it, builds it, or
// leaves it out. Where it was left out and can be built by now it is tried once
// more. Nothing but Kerberos itself needs it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);

const major = Number(process.versions.node.split('.')[0]);
if (major < 20)
  fail(`Node 20 or later is needed to set up, this is ${process.version}; Node 24 is then installed by npm`);

/** Made after a try; gone with everything else when dependencies change. */
const KERBEROS_TRIED = 'node_modules/.armada-kerberos-tried';
const canBuildKerberos = existsSync('/usr/include/gssapi/gssapi.h');
const isKerberosDue =
  canBuildKerberos &&
  !existsSync('node_modules/kerberos/build/Release/kerberos.node') &&
  !existsSync(KERBEROS_TRIED);
const isInstalled = existsSync('node_modules/.bin/node') && !isKerberosDue;
step('dependencies', ['package-lock.json', '.npmrc'], isInstalled, () => {
  run('npm', ['ci', '--loglevel=error'], nodeHeaders());
  if (canBuildKerberos) writeFileSync(KERBEROS_TRIED, '');
});
step(
  'generated',
  [
    'buf.yaml',
    'buf.gen.yaml',
    'setup.mjs',
    'api/json/generate.mjs',
    'api/reference/generate.mjs',
    ...filesBelow('api/proto'),
    ...filesBelow('api/googleapis'),
  ],
  existsSync('api/generated/reference/comments.ts'),
  () => {
    run('buf', ['generate']);
    run('buf', ['build', '--output', 'api/generated/descriptors.binpb']);
    run('node', ['api/json/generate.mjs']);
    run('node', ['api/reference/generate.mjs']);
  },
);

/** Does the work unless it was done with the same inputs. */
function step(name, inputs, present, work) {
  const stamp = join('node_modules', `.armada-${name}`);
  const hash = createHash('sha256');
  for (const path of inputs) hash.update(path).update('\0').update(readFileSync(path)).update('\0');
  const wanted = hash.digest('hex');
  if (present && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(stamp, { force: true });
  process.stderr.write(`setup: ${name}\n`);
  work();
  writeFileSync(stamp, wanted);
}

/** Headers of Node that lie beside it, so that npm need not fetch them to build something native. */
function nodeHeaders() {
  const places = process.env.PATH.split(delimiter).map((directory) => dirname(directory));
  const found = places.find((place) => existsSync(join(place, 'include/node/node_api.h')));
  return found === undefined ? {} : { npm_config_nodedir: found };
}

function run(command, args, settings = {}) {
  const path = join(root, 'node_modules', '.bin') + delimiter + process.env.PATH;
  const done = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...settings, PATH: path },
  });
  if (done.error) fail(`${command} could not be started: ${done.error.message}`);
  if (done.status !== 0) fail(`${command} ${args.join(' ')} ended with ${done.status ?? done.signal}`);
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}
