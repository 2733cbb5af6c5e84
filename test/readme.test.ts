import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { armadactl, root, startStandalone, temporaryDirectory } from './e2e/programs.ts';

/** Commands of the README's first job with what it shows them to print. */
async function firstJob(): Promise<{ command: string; output: string }[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const block = /<!-- first-job:[^>]*-->\n```\n([\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(block, 'the README has a first job');
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** What differs from one time to the next. */
function normal(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').replace(/\b[0-7][0-9a-hjkmnp-tv-z]{25}\b/g, 'JOB');
}

test('the first job of the README prints what the README shows', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(join(directory, 'data'));
  t.after(() => server.kill('SIGKILL'));
  const steps = await firstJob();
  assert.ok(steps.length >= 4);
  let jobId = '';
  for (const { command, output } of steps) {
    const words = wordsOf(command.replace(/\b[0-7][0-9a-hjkmnp-tv-z]{25}\b/g, jobId));
    assert.deepEqual(words.slice(0, 2), ['npx', 'armadactl']);
    const printed = await armadactl(server.address, ...words.slice(2));
    assert.equal(normal(printed.stdout), normal(output), printed.stderr);
    assert.equal(printed.code, 0);
    jobId = /with id: (\S+)/.exec(printed.stdout)?.[1] ?? jobId;
  }
});

/** The text of a file's smallest program. */
async function smallestProgram(file: string): Promise<string> {
  const text = await readFile(join(root, file), 'utf8');
  const program = /<!-- smallest-program:[^>]*-->\n```ts\n([\s\S]*?)```/.exec(text)?.[1];
  assert.ok(program, `${file} has a smallest program`);
  return program;
}

test('the smallest program of the README, four lines, runs a job and prints what it wrote', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(join(directory, 'data'));
  t.after(() => server.kill('SIGKILL'));
  const program = await smallestProgram('README.md');
  assert.equal(await smallestProgram('client/README.md'), program);
  assert.equal(program.trim().split('\n').length, 4);
  assert.equal((await armadactl(server.address, 'create', 'queue', 'demo')).code, 0);
  await mkdir(join(directory, 'node_modules/@armada-ts'), { recursive: true });
  await symlink(join(root, 'client'), join(directory, 'node_modules/@armada-ts/client'));
  await writeFile(join(directory, 'program.ts'), program);
  const run = promisify(execFile);
  const env = { ...process.env, ARMADAURL: server.address, HOME: directory };
  const { stdout } = await run(process.execPath, ['--conditions=source', 'program.ts'], {
    cwd: directory,
    env,
  });
  assert.equal(stdout, 'succeeded Hello from TypeScript\n\n');
});

/** Splits a command as a shell does, with single quotes. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
