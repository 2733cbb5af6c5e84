import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { performance } from 'node:perf_hooks';
import { followToken, TokenFileFault } from './token-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-token-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('followToken() reads a file again after a while, and keeps what was good', (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const path = join(directory, 'token');
  writeFileSync(path, 'first\n');
  const token = followToken(path);
  writeFileSync(path, 'second');
  assert.equal(token(), 'first');
  nowMs = 5_000;
  assert.equal(token(), 'second');
  for (const [index, unusable] of ['', 'two words', 'naïve', 'a\nb'].entries()) {
    writeFileSync(path, unusable);
    nowMs += 5_000;
    assert.equal(token(), 'second', String(index));
    assert.throws(() => followToken(path), TokenFileFault, unusable);
  }
  rmSync(path);
  nowMs += 5_000;
  assert.equal(token(), 'second');
  assert.throws(() => followToken(path), /cannot read .*token/);
});
