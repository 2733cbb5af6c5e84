/** Small files that a server makes once and keeps: written whole or not at all, and readable to whom they are for. */
import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { ArmadaError } from './errors.ts';

/** Its text; undefined when there is no such file. Throws UNAVAILABLE when it cannot be read. */
export function readKeptFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unusable(path, error);
  }
}

/** Makes a file with its directory. Whether it was made: one that is there stays as it is. Throws UNAVAILABLE. */
export function makeKeptFile(path: string, text: string, mode: number): boolean {
  return written(path, { text, mode }, (temporary) => {
    try {
      linkSync(temporary, path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  });
}

/** Makes a file with its directory, or puts it in the place of the one that is there. Throws UNAVAILABLE. */
export function replaceKeptFile(path: string, text: string, mode: number): void {
  written(path, { text, mode }, (temporary) => renameSync(temporary, path));
}

function written<Value>(
  path: string,
  { text, mode }: { text: string; mode: number },
  move: (temporary: string) => Value,
): Value {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      writeFileSync(temporary, text, { mode, flag: 'wx', flush: true });
      // Whatever the umask takes away from what others are to read.
      chmodSync(temporary, mode);
      return move(temporary);
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): ArmadaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ArmadaError('UNAVAILABLE', `${path} cannot be used: ${reason}`, { cause });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
