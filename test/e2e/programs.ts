// Starts the programs as a user does: as processes of their own, on free ports,
// in a directory of their own, to be killed at any moment.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SOURCE = ['--conditions=source', '--disable-warning=ExperimentalWarning'];

/** For programs that hang: where many start at once, each takes many seconds to be ready. */
const MAX_LINE_MS = 60_000;

const running = new Set<ChildProcess>();
// Programs do not outlive the process that started them, whichever way it ends.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A started program. */
export interface Program {
  process: ChildProcess;
  /** Lines it has written to standard output and error so far. */
  lines: string[];
  /** Waits for a line that matches, including those already there. */
  line(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal and waits for the end; the exit code, or the signal that ended it. */
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Any number of servers runs at once; their other ports are settings of each. */
const FREE_PORTS = { ARMADA_OPERATOR_GRPC_PORT: '0', ARMADA_OPERATOR_HTTP_PORT: '0' };

/** Starts a program of this checkout by the path of its main file. */
export function startProgram(
  main: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  workingDirectory: string = root,
): Program {
  const child = spawn(process.execPath, [...SOURCE, join(root, main), ...args], {
    cwd: workingDirectory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...FREE_PORTS, ...env },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    });
  }
  return {
    process: child,
    lines,
    async line(pattern, timeoutMs = MAX_LINE_MS) {
      for (const line of lines) {
        const found = pattern.exec(line);
        if (found) return found;
      }
      return await new Promise((resolve, reject) => {
        const finish = (): void => {
          clearTimeout(timer);
          listeners.delete(listener);
          child.removeListener('exit', gone);
        };
        const listener = (line: string): void => {
          const found = pattern.exec(line);
          if (!found) return;
          finish();
          resolve(found);
        };
        const gone = (): void => {
          finish();
          reject(new Error(`${main} ended before it wrote ${pattern}:\n${lines.join('\n')}`));
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`${main} did not write ${pattern}:\n${lines.join('\n')}`));
        }, timeoutMs);
        listeners.add(listener);
        child.on('exit', gone);
      });
    },
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
      child.kill(signal);
      await once(child, 'exit');
      return child.exitCode ?? child.signalCode;
    },
  };
}

/** A whole Armada of its own, as `npm start` makes it. */
export interface Standalone extends Program {
  /** `host:port` of the gRPC API. */
  address: string;
  /** Base of the HTTP port. */
  url: string;
}

/** Starts the standalone server and waits until it says where it listens. */
export async function startStandalone(directory: string, args: readonly string[] = []): Promise<Standalone> {
  const program = startProgram('server/standalone.ts', [
    '--data',
    directory,
    '--grpc-port',
    '0',
    '--http-port',
    '0',
    ...args,
  ]);
  return await listening(program);
}

/** A standalone server that was started, once it has said where it listens. */
export async function listening(program: Program): Promise<Standalone> {
  const [, address = ''] = await program.line(/gRPC\s+(\S+:\d+)/);
  const [, url = ''] = await program.line(/(http:\/\/\S+:\d+)/);
  return { ...program, address, url };
}

/** What a command printed and how it ended. */
export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs armadactl by its launcher, against one server. */
export async function armadactl(address: string, ...args: string[]): Promise<Finished> {
  const child = spawn(join(root, 'armadactl/bin/armadactl'), ['--armadaUrl', address, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** A directory that is removed when the test ends. */
export async function temporaryDirectory(test: {
  after: (fn: () => Promise<void>) => void;
}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-e2e-'));
  test.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
