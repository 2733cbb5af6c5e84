/** Servers of the system for tests: started with a directory of their own, and ended with the tests. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const running = new Set<ChildProcess>();
const directories = new Set<string>();
// A test process takes its servers and their data along, whichever way it ends.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** A place for the data of servers. @param name what they are, for whoever finds it */
export async function createDirectory(name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `armada-${name}-`));
  directories.add(directory);
  return directory;
}

export type Environment = Readonly<Record<string, string>>;

/** On Debian servers lie where not everybody looks for programs. */
const environmentWith = (more: Environment): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  ...more,
});

/**
 * Starts a server that stays in the foreground, and waits until it is up. It does
 * not keep this process alive.
 * @param isUp asked again and again
 */
export async function startDaemon(
  program: string,
  parameters: readonly string[],
  { isUp, environment = {} }: { isUp: () => Promise<boolean>; environment?: Environment },
): Promise<ChildProcess> {
  const child = spawn(program, [...parameters], { stdio: 'ignore', env: environmentWith(environment) });
  running.add(child);
  child.once('exit', () => running.delete(child));
  await once(child, 'spawn');
  child.unref();
  for (let tries = 0; tries < 500; tries++) {
    assert.equal(child.exitCode, null, `${program} has ended: ${parameters.join(' ')}`);
    if (await isUp()) return child;
    await sleep(10);
  }
  throw new Error(`${program} does not answer: ${parameters.join(' ')}`);
}

/** Ends a server with SIGKILL, and waits. */
export async function endDaemon(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Runs a program to its end and gives what it printed; throws when it fails. @param input what it reads */
export async function run(
  program: string,
  parameters: readonly string[],
  { environment = {}, input = '' }: { environment?: Environment; input?: string } = {},
): Promise<string> {
  const running = execute(program, [...parameters], { env: environmentWith(environment) });
  // A program may have ended before it is given what it does not read; how it ended is what counts.
  running.child.stdin?.on('error', () => {}).end(input);
  return (await running).stdout;
}

/** Whether a port of this machine takes connections. */
export function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => settle(true));
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('error', () => settle(false));
    socket.setTimeout(1000, () => settle(false));
  });
}
