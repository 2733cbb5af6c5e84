// Passwords that are typed: at a terminal, which `script` makes, and never shown on it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPassword, parsePasswordHash } from '@armada-ts/server/auth/password';
import { type LocalServer, startLocalServer } from './in-process.ts';
import { root } from './programs.ts';
import { authSettings, passwordOf, STRANGER } from './users.ts';

const directory = await mkdtemp(join(tmpdir(), 'armada-password-'));
const launcher = join(root, 'armadactl/bin/armadactl');
let server: LocalServer;

before(async () => {
  server = await startLocalServer(join(directory, 'data'), { auth: authSettings([STRANGER]) });
  const context = `armadaUrl: ${server.app.grpcAddress}\nbasicAuth: {username: ${STRANGER.name}}\n`;
  await writeFile(join(directory, '.armadactl.yaml'), context);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const CTRL_Z = '\u001A';

/** What follows Ctrl-Z comes when the terminal is as that has left it. */
async function type(stdin: Writable, keys: string): Promise<void> {
  for (const [i, part] of keys.split(CTRL_Z).entries()) {
    if (i > 0) {
      stdin.write(CTRL_Z);
      await sleep(300);
    }
    stdin.write(part);
  }
}

/** Runs a command line, and types these lines as it asks for them. */
async function run(program: string, args: string[], answers: Record<string, string>) {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: directory, TERM: 'xterm' },
    timeout: 30_000,
  });
  let shown = '';
  const questions = new Map(Object.entries(answers));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      for (const [question, keys] of questions) {
        if (!shown.includes(question)) continue;
        questions.delete(question);
        void type(child.stdin, keys);
      }
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, shown: shown.replaceAll('\r\n', '\n') };
}

const typing = (command: string, answers: Record<string, string>) =>
  run('script', ['-qec', `exec ${launcher} ${command}`, '/dev/null'], answers);

const atTerminal = (command: string, keys: string) => typing(command, { 'password of': keys });

test('a password that the context lacks is asked for once, and not shown', async () => {
  const password = passwordOf(STRANGER.name);
  const { exitCode, shown } = await atTerminal('whoami', `${password}\n`);
  assert.equal(exitCode, 0, shown);
  assert.match(
    shown,
    new RegExp(`^password of stranger for ${server.app.grpcAddress}: \nstranger\nlet in by`),
  );
  assert.ok(!shown.includes(password), shown);
  // As it is typed by people, who correct themselves.
  const corrected = await atTerminal('whoami', `x\u007F${password}!\u007F\r`);
  assert.equal(corrected.exitCode, 0, corrected.shown);
  // No shell is there to go back to.
  const suspended = await atTerminal('whoami', `${CTRL_Z}${password}\n`);
  assert.ok(!suspended.shown.includes(password), suspended.shown);
  assert.equal(suspended.exitCode, 0, suspended.shown);
  assert.ok(!corrected.shown.includes(password), corrected.shown);
});

test('a wrong password is refused as any, and Ctrl-C leaves', async () => {
  const wrong = await atTerminal('whoami', 'guessed\n');
  assert.match(wrong.shown, /the user name or the password is wrong/);
  assert.ok(!wrong.shown.includes('guessed'), wrong.shown);
  assert.equal(wrong.exitCode, 4);
  const left = await atTerminal('whoami', '\u0003');
  assert.equal(left.exitCode, 130, left.shown);
});

test('without a terminal the password must be in the context', async () => {
  const { exitCode, shown } = await run('setsid', ['-w', launcher, 'whoami'], {});
  assert.match(shown, /basicAuth\.password is missing, and none was typed/);
  assert.equal(exitCode, 4);
});

test('armadactl user add asks for a new password twice', async () => {
  const file = join(directory, 'users.yaml');
  const command = `user add ann --file ${file}`;
  const other = await typing(command, { 'password: ': 'first one\n', again: 'another\n' });
  assert.match(other.shown, /that was another one; nothing has changed/);
  assert.equal(other.exitCode, 2);
  await assert.rejects(readFile(file), { code: 'ENOENT' });
  const added = await typing(command, { 'password: ': 'first one\n', again: 'first one\n' });
  assert.equal(added.exitCode, 0, added.shown);
  assert.ok(!added.shown.includes('first'), added.shown);
  const hash = /password: (\S+)/.exec(await readFile(file, 'utf8'))?.[1] ?? '';
  const parsed = parsePasswordHash(hash);
  assert.ok(parsed && (await isPassword('first one', parsed)));
});

test('a command for tokens may ask at the terminal where the context says so', async () => {
  const told = async (interactive: boolean) => {
    const args = ['-c', 'printf "which token? " >&2; read -r token; echo "$token"'];
    const context = { armadaUrl: server.app.grpcAddress, execAuth: { cmd: 'sh', args, interactive } };
    const file = join(directory, 'exec.yaml');
    await writeFile(file, JSON.stringify(context));
    return typing(`whoami --config ${file}`, { 'which token?': 'this-one\n' });
  };
  const asked = await told(true);
  assert.match(asked.shown, /which token\? .*of no kind that this server accepts: basic/s);
  const silent = await told(false);
  assert.match(silent.shown, /no credentials for .*: the command sh of execAuth printed no token/);
  assert.equal(silent.exitCode, 4);
});
