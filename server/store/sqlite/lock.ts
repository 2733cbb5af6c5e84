/**
 * One server at a time on a data directory. The lock is a lock of SQLite on a
 * file of its own, so the kernel lets go of it whichever way the process ends.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ArmadaError } from '../../base/errors.ts';

const SQLITE_BUSY = 5;

/** Takes the lock. Throws UNAVAILABLE when another process, or another store in this one, has it. */
export function lockDirectory(directory: string): Disposable {
  const db = new DatabaseSync(join(directory, 'lock.db'), { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) {
      throw new ArmadaError(
        'UNAVAILABLE',
        `another server is using the data directory ${directory}; stop it, or choose another directory`,
      );
    }
    throw error;
  }
  return { [Symbol.dispose]: () => db.close() };
}

/**
 * Makes an empty file. One that is there must not even be opened: closing it
 * again would drop the locks that this process holds on it (POSIX, fcntl).
 */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
  }
}
