import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Compatibility } from '@armada-ts/api/armada/operator/v1/cluster';
import { commitOf, versionFor } from './version.ts';

const info = {
  name: 'sqlite data',
  partitions: 16,
  acknowledgement: 'synced',
  epochMs: 1,
  notices: [],
} as const;

test('versionFor() tells what the server is, and judges who says what it is', () => {
  const deps = { store: { info }, version: '0.1.0', build: 'abc' };
  const told = versionFor(deps, '');
  assert.deepEqual(
    [told.version, told.build, told.store, told.acknowledgement],
    ['0.1.0', 'abc', 'sqlite data', 'synced'],
  );
  assert.deepEqual([told.compatibility, told.advice], [Compatibility.COMPATIBILITY_UNSPECIFIED, '']);
  assert.match(told.apiVersion, /^\d{4}-\d\d$/);
  assert.match(versionFor(deps, '7.0.0').advice, /update the server/);
});

test('commitOf() finds the commit of a build, of a branch and of none', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'armada-version-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const [one, two, three] = ['a', 'b', 'c'].map((digit) => digit.repeat(40));
  const found = (): string =>
    commitOf(pathToFileURL(join(directory, 'commit')), pathToFileURL(`${directory}/`));
  assert.equal(found(), '');
  file('HEAD', `${one}\n`);
  assert.equal(found(), one);
  file('HEAD', 'ref: refs/heads/main\n');
  assert.equal(found(), '');
  file('packed-refs', `# pack-refs\n${one} refs/heads/other\n${two} refs/heads/main\n`);
  assert.equal(found(), two);
  mkdirSync(join(directory, 'refs/heads'), { recursive: true });
  file('refs/heads/main', `${three}\n`);
  assert.equal(found(), three);
  file('commit', `${one}\n`);
  assert.equal(found(), one);
});
