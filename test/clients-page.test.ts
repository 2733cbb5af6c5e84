import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startDevServer } from '@armada-ts/client/dev-server';
import { root, temporaryDirectory } from './e2e/programs.ts';

const execute = promisify(execFile);

/** The TypeScript blocks of the page that carry a mark, one after the other. */
async function blocks(mark: string): Promise<string> {
  const page = await readFile(join(root, 'docs/clients.md'), 'utf8');
  const found = [
    ...page.matchAll(new RegExp(`<!-- ${mark}\\b[^>]*-->\\n\`\`\`ts\\n([\\s\\S]*?)\`\`\``, 'g')),
  ];
  assert.ok(found.length > 0, `docs/clients.md has blocks ${mark}`);
  return found.map(([, block]) => block).join('');
}

/** A directory in which the client can be imported by name. */
async function projectDirectory(t: Parameters<typeof temporaryDirectory>[0]): Promise<string> {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'node_modules/@armada-ts'), { recursive: true });
  await symlink(join(root, 'client'), join(directory, 'node_modules/@armada-ts/client'));
  return directory;
}

test('the TypeScript tour of docs/clients.md does what it says', async (t) => {
  const directory = await projectDirectory(t);
  await using server = await startDevServer();
  await writeFile(join(directory, 'tour.ts'), await blocks('typescript-tour'));
  const env = { ...process.env, ARMADAURL: server.address, HOME: directory };
  const { stdout } = await execute(process.execPath, ['--conditions=source', 'tour.ts'], {
    cwd: directory,
    env,
  });
  assert.deepEqual(stdout.trim().split('\n'), [
    'failed 3 on dev',
    'oops',
    'succeeded succeeded succeeded',
    '3 ended',
    'CANCELLED',
    'cancelled',
    'QUEUE_NOT_FOUND',
  ]);
});

test('the test of docs/clients.md passes', async (t) => {
  const directory = await projectDirectory(t);
  const file = join(directory, 'report.test.ts');
  await writeFile(file, await blocks('typescript-test'));
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { stdout } = await execute(process.execPath, ['--conditions=source', '--test', file], { env });
  assert.match(stdout, /pass 1\b/);
});
