import { DatabaseSync } from 'node:sqlite';

/** Another process works on this directory. */
export class DirectoryLocked extends Error {}

/**
 * Keeps other processes off a file's directory until released or until this
 * process is gone, however it ends: SQLite's lock on a file is the system's own,
 * which Node does not offer otherwise. Throws DirectoryLocked.
 */
export function lockFile(file: string): { release(): void } {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
  } catch (error) {
    database.close();
    throw new DirectoryLocked(`${file} is locked: another executor uses this data directory`, {
      cause: error,
    });
  }
  return { release: () => database.close() };
}
