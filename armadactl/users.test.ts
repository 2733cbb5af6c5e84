import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { isPassword, parsePasswordHash } from '@armada-ts/server/auth/password';
import { armadactl, temporaryDirectory } from './testing/launch.ts';

async function isIn(path: string, name: string, password: string): Promise<boolean> {
  const hash = parsePasswordHash(parse(readFileSync(path, 'utf8'))[name].password);
  assert.ok(hash);
  return await isPassword(password, hash);
}

test('user add, passwd, list and remove keep a file that the server reads, for its owner alone', async () => {
  const path = join(temporaryDirectory(), 'users.yaml');
  const file = ['--file', path];
  const added = await armadactl(['user', 'add', 'ann', '--group', 'team', '--group', 'lead', ...file], {
    input: 'first word\nrest\n',
  });
  assert.deepEqual([added.exitCode, added.stdout], [0, 'Added user ann\n'], added.stderr);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await isIn(path, 'ann', 'first word'), true);
  assert.equal(readFileSync(path, 'utf8').includes('first word'), false);

  writeFileSync(path, `# people\n\n${readFileSync(path, 'utf8')}`);
  const changed = await armadactl(['user', 'passwd', 'ann', ...file], { input: 'second' });
  assert.deepEqual([changed.exitCode, changed.stdout], [0, 'Changed the password of ann\n']);
  assert.equal(await isIn(path, 'ann', 'second'), true);
  assert.equal(await isIn(path, 'ann', 'first word'), false);

  const listed = await armadactl(['user', 'list', ...file]);
  assert.equal(listed.stdout, 'USER  GROUPS\nann   team, lead\n');
  const removed = await armadactl(['user', 'remove', 'ann', ...file]);
  assert.equal(removed.stdout, 'Removed user ann\n');
  assert.match(readFileSync(path, 'utf8'), /^# people\n/);
  assert.match((await armadactl(['user', 'list', ...file])).stderr, /there are no users/);
});

test('user ends with 2 and changes nothing when it makes no sense', async () => {
  const path = join(temporaryDirectory(), 'users.yaml');
  const file = ['--file', path];
  await armadactl(['user', 'add', 'ann', ...file], { input: 'word' });
  const before = readFileSync(path, 'utf8');
  const other = join(temporaryDirectory(), 'other.yaml');
  writeFileSync(other, 'auth: { schemes: [basic] }\n');
  const table: [string[], string, RegExp][] = [
    [['add', 'ann', ...file], 'word', /there is a user "ann"/],
    [['add', 'a:b', ...file], 'word', /no ':'/],
    [['add', 'bob', ...file], '\n', /no password/],
    [['add', 'bob', ...file], 'x'.repeat(1025), /at most 1024/],
    [['passwd', 'bob', ...file], 'word', /there is no user "bob"/],
    [['remove', 'Ann', ...file], '', /there is no user "Ann"/],
    [['add', 'bob', '--file', other], 'word', /is no file of users/],
    [['add', 'bob'], 'word', /--file/],
  ];
  for (const [args, input, message] of table) {
    const outcome = await armadactl(['user', ...args], { input });
    assert.equal(outcome.exitCode, 2, args.join(' '));
    assert.match(outcome.stderr, message);
  }
  assert.equal(readFileSync(path, 'utf8'), before);
  assert.equal(readFileSync(other, 'utf8'), 'auth: { schemes: [basic] }\n');
});
