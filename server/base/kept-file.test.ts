import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeKeptFile, readKeptFile, replaceKeptFile } from './kept-file.ts';

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-kept-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('of several who make a file one does, and all find what it has written', async (t) => {
  const directory = join(await temporary(t), 'new');
  const file = join(directory, 'file');
  assert.equal(readKeptFile(file), undefined);
  assert.deepEqual(
    ['one', 'two', 'three'].map((text) => makeKeptFile(file, text, 0o600)),
    [true, false, false],
  );
  assert.equal(readKeptFile(file), 'one');
  assert.deepEqual(await readdir(directory), ['file']);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
});

test('a file is replaced whole, and has the mode that it is given whatever the umask', async (t) => {
  const directory = await temporary(t);
  const file = join(directory, 'file');
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  replaceKeptFile(file, 'one', 0o600);
  replaceKeptFile(file, 'two', 0o644);
  assert.equal(readKeptFile(file), 'two');
  assert.equal((await stat(file)).mode & 0o777, 0o644);
  assert.deepEqual(await readdir(directory), ['file']);
});

test('what cannot be read or written is told with its path', async (t) => {
  const directory = await temporary(t);
  await writeFile(join(directory, 'file'), '');
  const below = join(directory, 'file', 'below');
  for (const use of [
    () => readKeptFile(below),
    () => makeKeptFile(below, '', 0o600),
    () => replaceKeptFile(below, '', 0o600),
    () => readKeptFile(directory),
  ]) {
    assert.throws(use, { code: 'UNAVAILABLE', message: /armada-kept-.* cannot be used: E/ });
  }
  assert.deepEqual(await readdir(directory), ['file']);
});
