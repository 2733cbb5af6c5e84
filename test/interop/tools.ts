// What the other languages' clients need before they can run: their tools, and
// a place for what is downloaded and built that outlives a test run.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { root } from '../e2e/programs.ts';

/** Outside what git tracks, and gone with everything else that set-up made. */
const CACHE = join(root, 'node_modules/.cache/armada-interop');

/**
 * Why tests that need a tool are left out here; false when they run. Where CI
 * is set, only those are left out whose tool is not there at all.
 */
export function lacks(tool: string, versionArgs: readonly string[], oldest: string): string | false {
  const asked = spawnSync(tool, versionArgs, { encoding: 'utf8' });
  if (asked.error || asked.status !== 0) return `${tool} is not installed`;
  const version = /(\d+)\.(\d+)/.exec(asked.stdout)?.[0] ?? '';
  if (process.env.CI) return false;
  const isOld = version.localeCompare(oldest, 'en', { numeric: true }) < 0;
  return isOld ? `${tool} is ${version}, and ${oldest} is needed` : false;
}

/** What is kept under one name until one of the files it is made from changes. */
export interface Kept {
  name: string;
  /** Paths below the root of the checkout. */
  inputs: readonly string[];
  /** Makes it at the path it is given; a failure leaves nothing behind. */
  make: (path: string) => Promise<void>;
}

/** The path of something that is made once and found again by later runs. */
export async function kept({ name, inputs, make }: Kept): Promise<string> {
  const hash = createHash('sha256');
  for (const input of inputs) {
    hash
      .update(input)
      .update('\0')
      .update(await readFile(join(root, input)))
      .update('\0');
  }
  const path = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return path;
  const unfinished = `${path}.${process.pid}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await make(unfinished);
    await rename(unfinished, path);
    await removePredecessors(name, path);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return path;
}

async function removePredecessors(name: string, path: string): Promise<void> {
  for (const entry of await readdir(CACHE)) {
    if (!entry.startsWith(`${name}-`) || !/^[0-9a-f]{16}$/.test(entry.slice(name.length + 1))) continue;
    if (join(CACHE, entry) !== path) await rm(join(CACHE, entry), { recursive: true, force: true });
  }
}

/** A Python that has what a file of requirements names. */
export async function pythonWith(requirements: string): Promise<string> {
  const { stdout: version } = await run('python3', ['--version']);
  const language = version.trim().toLowerCase().replace(/\W+/g, '-');
  const environment = await kept({
    name: `${basename(dirname(requirements))}-${language}`,
    inputs: [requirements],
    make: async (path) => {
      await run('python3', ['-m', 'venv', path]);
      const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:'];
      await run(join(path, 'bin/python'), [...install, '-r', requirements]);
    },
  });
  return join(environment, 'bin/python');
}

export interface RunOptions {
  directory?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
  /** Sees each piece of standard output as it comes. */
  onOutput?: (text: string) => void;
}

/** Runs a program to its end. Throws with all that it printed when it fails or takes too long. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(command, args, {
    cwd: options.directory ?? root,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 300_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onOutput?.(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  if (child.exitCode === 0) return { stdout, stderr };
  const end = child.exitCode ?? child.signalCode;
  throw new Error(`${command} ${args.join(' ')} ended with ${end}:\n${stdout}${stderr}`);
}
