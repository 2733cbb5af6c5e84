// The wire contract's two promises: the protos follow the lint rules, and they
// break nothing that a release has promised. Plain JavaScript, so that it runs
// on any Node. The first fault ends it with buf's own message and exit code.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

buf('lint');

const release = newestRelease();
if (release === undefined)
  console.log('proto-check: lint passed; no release tag (v*) yet, so nothing was promised that could break');
else {
  buf('breaking', '--against', `.git#tag=${release}`);
  console.log(`proto-check: lint passed, nothing breaks what ${release} promised`);
}

/** The highest version among the tags that git knows, a release above its candidates; none in a checkout without tags. */
function newestRelease() {
  const list = ['-c', 'versionsort.suffix=-', 'tag', '--list', 'v*', '--sort=-version:refname'];
  const git = spawnSync('git', list, { cwd: root, encoding: 'utf8' });
  if (git.error) fail(`git could not be started: ${git.error.message}`);
  if (git.status !== 0) fail(git.stderr.trim());
  return git.stdout.split('\n').find((tag) => tag !== '');
}

function buf(...args) {
  const done = spawnSync(join(root, 'node_modules', '.bin', 'buf'), args, { cwd: root, stdio: 'inherit' });
  if (done.error) fail(`buf could not be started: ${done.error.message}`);
  if (done.status !== 0) process.exit(done.status ?? 1);
}

function fail(message) {
  console.error(`proto-check: ${message}`);
  process.exit(1);
}
