import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import { silentLogger } from '../base/logger.ts';
import { openUsers } from './users-file.ts';

const directory = await mkdtemp(join(tmpdir(), 'armada-users-'));
after(() => rm(directory, { recursive: true, force: true }));
const usersFile = join(directory, 'users.yaml');

const hash = `scrypt$16$8$1$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;
const somebody = { password: hash, groups: [] };
const tools = { logger: silentLogger, lookMs: 10 };

async function write(content: object | string): Promise<void> {
  await writeFile(`${usersFile}.new`, typeof content === 'string' ? content : stringify(content));
  await rename(`${usersFile}.new`, usersFile);
}

test('without a file there is nothing to keep up with', async () => {
  assert.equal(await openUsers({ basic: { users: {} } }, tools), undefined);
});

test('users of the file come and go while the server runs; a broken file changes nothing', async () => {
  await write({ ann: { password: hash }, bob: { password: hash, groups: ['team'] } });
  await using users = await openUsers({ basic: { users: { eve: somebody }, usersFile } }, tools);
  assert.ok(users);
  const names = (): string[] => [...users.current().keys()].toSorted();
  assert.deepEqual(names(), ['ann', 'bob', 'eve']);
  const bob = users.current().get('bob');
  assert.deepEqual(bob?.principal.groups, ['team']);

  await write({ bob: { password: hash, groups: ['team'] }, dan: { password: hash } });
  await until(() => names().includes('dan'));
  assert.deepEqual(names(), ['bob', 'dan', 'eve']);
  assert.equal(users.current().get('bob'), bob, 'who has not changed stays the same');

  const before = users.current();
  for (const broken of ['{', 'bob: {}', 'eve: {}', stringify({ eve: { password: hash } })]) {
    await write(broken);
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(users.current(), before);
  }
  await write({});
  await until(() => names().length === 1);
});

test('a file that cannot be used keeps the server from starting, and says why without showing hashes', async () => {
  const open = (users = {}) => openUsers({ basic: { users, usersFile } }, tools);
  for (const [content, message] of [
    ['{', /it is no YAML/],
    ['ann: { password: secret }', /ann\.password: must be scrypt/],
    [stringify({ 'a:b': { password: hash } }), /a:b: Invalid key/],
  ] as const) {
    await write(content);
    await assert.rejects(
      open(),
      (error: Error) => message.test(error.message) && !error.message.includes('secret'),
    );
  }
  await write({ ann: { password: hash } });
  await assert.rejects(open({ ann: somebody }), {
    code: 'INVALID_REQUEST',
    message: /ann is in auth\.basic\.users too/,
  });
  await rm(usersFile);
  await assert.rejects(open(), { code: 'INVALID_REQUEST', message: /ENOENT/ });
});

async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !is(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(is());
}
