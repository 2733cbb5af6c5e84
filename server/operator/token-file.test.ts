import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readKeptFile } from '../base/kept-file.ts';
import { silentLogger } from '../base/logger.ts';
import { openTokenFile } from './token-file.ts';

const tools = { logger: silentLogger, lookMs: 5 };

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-token-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** A token that counts how often it was made anew. */
function tokens() {
  const made = { number: 1 };
  return { made, current: () => `token ${made.number}`, renew: async () => void made.number++ };
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; !isSo(); ) {
    assert.ok(Date.now() < end, 'it did not happen within 5 s');
    await sleep(5);
  }
}

test('openTokenFile() writes the token for its owner alone, and the next one in its place', async (t) => {
  const directory = await temporary(t);
  const { made, ...token } = tokens();
  await using file = openTokenFile(directory, token, tools);
  const { ino, mode } = await stat(file.path);
  assert.equal(mode & 0o777, 0o600);
  assert.equal(readKeptFile(file.path), 'token 1\n');
  await sleep(50);
  assert.equal((await stat(file.path)).ino, ino, 'it is not left alone');
  // Another server has made one.
  made.number++;
  await until(() => readKeptFile(file.path) === 'token 2\n');
  await writeFile(file.path, 'mine');
  await until(() => readKeptFile(file.path) === 'token 2\n');
  assert.equal((await stat(file.path)).mode & 0o777, 0o600);
  assert.equal(made.number, 2, 'it was made anew though the file was there');
});

test('who removes the file has another token made, and who begins without one has not', async (t) => {
  const directory = await temporary(t);
  const { made, ...token } = tokens();
  await using file = openTokenFile(directory, token, tools);
  await sleep(50);
  assert.equal(made.number, 1);
  await rm(file.path);
  await until(() => readKeptFile(file.path) === 'token 2\n');
  await sleep(50);
  assert.equal(made.number, 2, 'more than once');
});
