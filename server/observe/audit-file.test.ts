import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { lineOf, openAuditFile } from './audit-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'armada-audit-'));
after(() => rm(directory, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(directory, `audit-${++files}.jsonl`);

async function append(path: string, ...records: object[]): Promise<void> {
  await using file = await openAuditFile(path, silentLogger);
  for (const record of records) file.append(record);
}

async function linesOf(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).trimEnd().split('\n');
}

const digestOf = (line: string) => createHash('sha256').update(line).digest('hex');

/** Whether each line names the one before. */
function assertChained(lines: string[]): void {
  for (const [i, line] of lines.entries()) {
    assert.equal(JSON.parse(line).previous, i === 0 ? '' : digestOf(lines[i - 1] ?? ''));
  }
}

test('records are lines in order, each with the digest of the one before, also over a restart', async () => {
  const path = newPath();
  await append(path, { n: 1 }, { n: 2 });
  await append(path, { n: 3 });
  const lines = await linesOf(path);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).n),
    [1, 2, 3],
  );
  assertChained(lines);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('a line that a crash has torn stays a line of its own, wherever it was torn', async () => {
  for (const torn of ['{"n":', '{"n":"a ']) {
    const path = newPath();
    await append(path, { n: 1 });
    await appendFile(path, torn);
    await append(path, { n: 2 });
    const lines = await linesOf(path);
    assert.equal(lines[1], torn);
    assert.equal(JSON.parse(lines[2] ?? '').previous, digestOf(`${lines[0]}\n${torn}`));
  }
});

test('a file that is moved away is followed by a new one, and the lines stay linked', async () => {
  const path = newPath();
  await using file = await openAuditFile(path, silentLogger);
  file.append({ n: 1 });
  await until(async () => (await stat(path)).size > 0);
  await rename(path, `${path}.1`);
  file.append({ n: 2 });
  await until(async () => (await stat(path).catch(() => ({ size: 0 }))).size > 0);
  const lines = [...(await linesOf(`${path}.1`)), ...(await linesOf(path))];
  assert.equal(lines.length, 2);
  assertChained(lines);
});

test('a full disk is a fault, and what waits is bounded', async () => {
  await using file = await openAuditFile('/dev/full', silentLogger);
  assert.equal(file.fault, undefined);
  file.append({ n: 1 });
  await until(() => file.fault !== undefined);
  assert.match(file.fault ?? '', /ENOSPC/);
  for (let i = 0; i < 20; i++) file.append({ text: 'x'.repeat(1024 * 1024) });
  assert.match(file.fault ?? '', /may be held/);
});

test('a file that cannot be opened is named', async () => {
  await assert.rejects(openAuditFile(join(directory, 'not', 'there'), silentLogger), {
    code: 'UNAVAILABLE',
    message: /audit\.file: .*not\/there cannot be used: ENOENT/,
  });
});

test('whatever a text holds, it stays inside its line and shows what it is', () => {
  const nasty = 'a\n{"who":"root"}\r\u0085\u2028\u2029\u202e\u200b\u0000\u001b[2K"\\\u{e0041}\ud800é';
  const line = lineOf({ nasty });
  assert.equal(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line), false);
  assert.equal(JSON.parse(line).nasty, nasty);
  assert.match(line, /é/);
});

async function until(is: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('it has not come to pass');
}
