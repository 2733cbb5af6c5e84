// Builds what is published: JavaScript and declarations in the dist folder of
// each package, and beside it the licence. Without arguments all packages, else
// the named ones and what they need. Runs before npm packs a package. What is
// up to date costs nothing.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const PACKAGES = ['api', 'executor', 'server', 'client', 'armadactl'];

const named = process.argv.slice(2);
const wanted = named.length > 0 ? named : PACKAGES;
const unknown = wanted.filter((name) => !PACKAGES.includes(name));
if (unknown.length > 0) fail(`there is no package ${unknown.join(', ')}; there are ${PACKAGES.join(', ')}`);
if (!existsSync(join(root, 'api/generated/proto'))) fail('run `node setup.mjs` first');

const projects = wanted.map((name) => join(root, name, 'tsconfig.build.json'));
const compiled = spawnSync(join(root, 'node_modules/.bin/tsc'), ['--build', ...projects], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (compiled.error) fail(`tsc could not be started: ${compiled.error.message}`);
if (compiled.status !== 0) fail('there are errors');
for (const name of wanted) copyFileSync(join(root, 'LICENSE'), join(root, name, 'LICENSE'));
if (wanted.includes('server') && existsSync(join(root, '.git'))) {
  // What the server says it was built from.
  const head = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  if (head.status === 0) writeFileSync(join(root, 'server/dist/commit'), head.stdout);
}

function fail(message) {
  process.stderr.write(`build: ${message}\n`);
  process.exit(1);
}
