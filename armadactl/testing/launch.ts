import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../bin/armadactl', import.meta.url));

export interface Finished {
  /** Null when a signal ended it. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Launched {
  process: ChildProcessByStdio<Writable, Readable, Readable>;
  finished: Promise<Finished>;
}

export interface LaunchOptions {
  environment?: Record<string, string>;
  input?: string;
}

/** A directory that is removed when the test file has ended. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'armadactl-test-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A home directory without a configuration file, shared by a test file so that its compile cache warms up. */
const emptyHome = temporaryDirectory();

/** Starts the real launcher, away from whatever configuration the machine has. */
export function launch(args: readonly string[], options: LaunchOptions = {}): Launched {
  const child = spawn(launcher, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: emptyHome, ...options.environment },
  });
  child.stdin.end(options.input ?? '');
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...output }));
  });
  return { process: child, finished };
}

/** Runs the real launcher to its end. */
export function armadactl(args: readonly string[], options: LaunchOptions = {}): Promise<Finished> {
  return launch(args, options).finished;
}

/** Settles when the process has printed `text` to the given stream. */
export function printed(stream: Readable, text: string): Promise<void> {
  let seen = '';
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: string) => {
      seen += chunk;
      if (seen.includes(text)) resolve();
    });
    stream.on('close', () =>
      reject(new Error(`ended without printing ${JSON.stringify(text)}, but: ${seen}`)),
    );
  });
}
