// The command line on a terminal, which `script` makes, against a whole Armada:
// colours, tables that fit, and bars that go away; none of it in a pipe.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { armadactl, root, type Standalone, startStandalone } from './programs.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-tty-'));
const COLUMNS = 90;
let server: Standalone;

before(async () => {
  server = await startStandalone(join(directory, 'data'));
  await armadactl(server.address, 'create', 'queue', 'tty');
});

after(async () => {
  await server.kill('SIGTERM');
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** What stands on the terminal after a command, escape sequences and all. */
async function onTerminal(command: string, environment: Record<string, string> = {}): Promise<string> {
  const launcher = join(root, 'armadactl/bin/armadactl');
  const line = `stty cols ${COLUMNS}; exec ${launcher} --armadaUrl ${server.address} ${command}`;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...environment },
  });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  await once(child, 'close');
  return shown.replaceAll('\r\n', '\n');
}

const ESCAPE = String.fromCodePoint(0x1b);

function withoutColours(text: string): string {
  return text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '');
}

test('a terminal gets colours and lines that fit, a pipe gets neither', async () => {
  const resources = '{requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 100m, memory: 32Mi}}';
  const pod = `{containers: [{name: main, image: none, command: [sh, -c, "exit 3"], resources: ${resources}}]}`;
  const path = join(directory, 'failing.yaml');
  writeFileSync(path, `queue: tty\njobSetId: a-job-set-with-a-long-name\njobs: [{podSpec: ${pod}}]\n`);
  const waited = await onTerminal(`submit ${path} --wait`);
  // A bar that stood there is gone.
  const end = new RegExp(`\\n(?:\\r[^\\n]*\\r${ESCAPE}\\[K)?Job \\w{26} failed\\n$`);
  assert.match(withoutColours(waited), /^Submitted job /);
  assert.match(withoutColours(waited), end);

  const listed = await onTerminal('get jobs -q tty');
  assert.ok(listed.includes(`${ESCAPE}[31mfailed${ESCAPE}[0m`), listed);
  const lines = withoutColours(listed).trimEnd().split('\n');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(line.length <= COLUMNS, `${line.length}: ${line}`);
  assert.match(lines[1] ?? '', /failed.*…/);

  for (const plain of [
    await onTerminal('get jobs -q tty', { NO_COLOR: '1' }),
    await onTerminal('get jobs -q tty --color never'),
  ]) {
    assert.ok(!plain.includes(ESCAPE), plain);
  }
  const piped = await armadactl(server.address, 'get', 'jobs', '-q', 'tty');
  assert.ok(!piped.stdout.includes(ESCAPE));
  assert.match(piped.stdout, /container "main" exited with code 3\n$/, 'and whole');
  const asked = await armadactl(server.address, '--color', 'always', 'get', 'jobs', '-q', 'tty');
  assert.ok(asked.stdout.includes(`${ESCAPE}[31mfailed`));
});

test('a wait shows a bar on a terminal and removes it; in a pipe only results are printed', async () => {
  const resources = '{requests: {cpu: 100m, memory: 32Mi}, limits: {cpu: 100m, memory: 32Mi}}';
  const pod = `{containers: [{name: main, image: none, command: [sleep, "1"], resources: ${resources}}]}`;
  const path = join(directory, 'sleeping.yaml');
  writeFileSync(path, `queue: tty\njobSetId: sleeping\njobs: [{podSpec: ${pod}}]\n`);
  const { stdout } = await armadactl(server.address, 'submit', path, '-o', 'name');
  const shown = await onTerminal(`wait job ${stdout.trim()}`);
  assert.match(shown, /░{24} 0\/1 {2}1 running/u);
  assert.match(shown, new RegExp(`${ESCAPE}\\[KJob ${stdout.trim()} succeeded\\n$`));
  const piped = await armadactl(server.address, 'wait', 'job', stdout.trim());
  assert.deepEqual([piped.code, piped.stdout, piped.stderr], [0, `Job ${stdout.trim()} succeeded\n`, '']);
});
