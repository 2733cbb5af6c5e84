import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { armadactl, root, startStandalone, temporaryDirectory } from './e2e/programs.ts';

/** Commands of one of the README's blocks with what it shows them to print. */
async function stepsOf(mark: string): Promise<{ command: string; output: string }[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const block = new RegExp(`<!-- ${mark}:[^>]*-->\\n\`\`\`\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
  assert.ok(block, `the README has a block ${mark}`);
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

const JOB_ID = /\b[0-7][0-9a-hjkmnp-tv-z]{25}\b/g;

/** What differs from one time to the next. */
function normal(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(JOB_ID, 'JOB')
    .replace(/"\d+:\d+:\d+:[01]"/g, '"MESSAGE"');
}

test('the first job of the README prints what the README shows', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(join(directory, 'data'));
  t.after(() => server.kill('SIGKILL'));
  const steps = await stepsOf('first-job');
  assert.ok(steps.length >= 4);
  let jobId = '';
  for (const { command, output } of steps) {
    const words = wordsOf(command.replace(JOB_ID, jobId));
    assert.deepEqual(words.slice(0, 2), ['npx', 'armadactl']);
    const printed = await armadactl(server.address, ...words.slice(2));
    assert.equal(normal(printed.stdout), normal(output), printed.stderr);
    assert.equal(printed.code, 0);
    jobId = /with id: (\S+)/.exec(printed.stdout)?.[1] ?? jobId;
  }
});

/** Whether lines are those that the README shows, whose ends it may leave out. */
function assertShown(lines: readonly string[], shown: readonly string[]): void {
  const ended = lines.map((line, at) => {
    const end = shown[at]?.indexOf('…') ?? -1;
    return end === -1 ? line : `${line.slice(0, end)}…`;
  });
  assert.deepEqual(ended, shown);
}

test('the tour of the README by curl prints what the README shows', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(join(directory, 'data'));
  t.after(() => server.kill('SIGKILL'));
  const children = new AbortController();
  t.after(() => children.abort());
  let jobId = '';
  const streamed: string[] = [];
  /** What the stream is to have printed by now. */
  const toStream: string[] = [];
  for (const { command, output } of await stepsOf('rest-tour')) {
    const [, call = '', background] =
      /^(.*?)( &)?$/.exec(
        command.replace(JOB_ID, jobId).replace('localhost:8080', new URL(server.url).host),
      ) ?? [];
    const shown = normal(output).trimEnd().split('\n');
    if (background) {
      const child = spawn('sh', ['-c', `exec ${call}`], { cwd: root, signal: children.signal });
      child.on('error', () => {});
      createInterface({ input: child.stdout }).on('line', (line) => streamed.push(normal(line)));
    } else {
      const { stdout } = await promisify(execFile)('sh', ['-c', call], { cwd: root });
      assert.equal(normal(stdout), shown.shift());
      jobId = stdout.match(JOB_ID)?.[0] ?? jobId;
    }
    toStream.push(...shown);
    for (const end = Date.now() + 20_000; streamed.length < toStream.length; await setTimeout(20)) {
      assert.ok(Date.now() < end, `only ${streamed.join('\n')}`);
    }
  }
  assertShown(streamed, toStream);
  assert.ok(streamed.length >= 7);
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
