import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from './testing/launch.ts';

/** An installed package without sources, and a `node` on PATH that says what it was started with. */
function install(nodeVersion: string | undefined): { launcher: string; path: string; root: string } {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'package', 'bin'), { recursive: true });
  const launcher = join(root, 'package', 'bin', 'armadactl');
  copyFileSync(new URL('bin/armadactl', import.meta.url), launcher);
  const bin = join(root, 'path');
  mkdirSync(bin);
  for (const tool of ['sh', 'readlink']) symlinkSync(join('/bin', tool), join(bin, tool));
  if (nodeVersion !== undefined) writeNode(join(bin, 'node'), nodeVersion);
  return { launcher, path: bin, root };
}

function writeNode(path: string, version: string): void {
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo v${version}; else echo "${version}: $@; cache $NODE_COMPILE_CACHE"; fi\n`;
  writeFileSync(path, script, { mode: 0o755 });
}

function start(command: string, path: string): { code: number | null; stdout: string; stderr: string } {
  const env = { PATH: path, HOME: '/nonexistent-home' };
  const { status, stdout, stderr } = spawnSync('/bin/sh', [command, 'a b', 'c'], { env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

test('the launcher runs what was built on a new enough node from PATH, with a compile cache', () => {
  const { launcher, path, root } = install('24.1.0');
  const { code, stdout } = start(launcher, path);
  assert.equal(code, 0);
  assert.equal(
    stdout,
    `24.1.0: --disable-warning=DEP0123 ${root}/package/dist/main.js a b c; cache /nonexistent-home/.cache/armadactl\n`,
  );
});

test('the launcher prefers the node that the checkout brings along, also through links', () => {
  const { path, launcher, root } = install('24.1.0');
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
  writeNode(join(root, 'node_modules', '.bin', 'node'), '25.0.0');
  symlinkSync('../../package/bin/armadactl', join(root, 'node_modules', '.bin', 'armadactl'));
  writeFileSync(join(root, 'package', 'main.ts'), '');
  const linked = start(join(root, 'node_modules', '.bin', 'armadactl'), path);
  assert.match(linked.stdout, /^25\.0\.0: --conditions=source --disable-warning=ExperimentalWarning /);
  assert.match(linked.stdout, new RegExp(`${root}/package/main\\.ts a b c; `));
  assert.equal(start(launcher, path).stdout, linked.stdout);
});

test('the launcher says what is missing instead of failing inside an old node', () => {
  const old = install('20.20.2');
  const refused = start(old.launcher, old.path);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^armadactl: Node 24 or later is needed, .*\/node is v20\.20\.2; .*setup\.mjs/,
  );
  const none = install(undefined);
  const missing = start(none.launcher, none.path);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no node on PATH/);
});
