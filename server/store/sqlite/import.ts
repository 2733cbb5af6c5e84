/**
 * Filling a data directory with a store: see ../copy.ts. It is made under another
 * name and gets its own only when it is complete, so nobody takes a part of it for
 * the whole, whichever way the process ends.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ArmadaError } from '../../base/errors.ts';
import type { Import, Part, StoreNumbers } from '../copy.ts';
import { exportOf } from './export.ts';
import { INCOMING } from './incoming.ts';
import { lockDirectory, makeFile } from './lock.ts';
import { preparePut } from './put.ts';
import { openForReading, openForWriting, prepareTables, query } from './schema.ts';

/** What SQLite makes besides a database. */
const SIDE_FILES = ['', '-wal', '-shm', '-journal'];

/** Looks at a directory that is to be filled, and changes nothing yet. Throws UNAVAILABLE when there is a store in it. */
export function openSqliteImport(directory: string): Import {
  const path = join(directory, 'armada.db');
  const incoming = join(directory, INCOMING);
  // A server that ended before it had made its tables leaves an empty file.
  if (existsSync(path) && statSync(path).size > 0) {
    throw new ArmadaError(
      'UNAVAILABLE',
      `there is a store in ${directory} already; choose another directory, or remove what is in it`,
    );
  }
  const name = `sqlite ${directory}`;
  const held = new DisposableStack();
  let filling: { db: DatabaseSync; put: (part: Part) => void } | undefined;

  return {
    name,
    async begin(numbers) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      held.use(lockDirectory(directory));
      for (const side of SIDE_FILES) rmSync(incoming + side, { force: true });
      makeFile(incoming);
      // Not each step need survive power loss, for a part of a store is worth nothing; complete() waits for the disk.
      const db = held.adopt(openForWriting(incoming, 'local'), (open) => open.isOpen && open.close());
      setNumbers(db, numbers);
      filling = { db, put: inTransactions(db, preparePut(db)) };
    },
    async put(part) {
      filling?.put(part);
    },
    async written() {
      return exportOf(openForReading(incoming), { name });
    },
    async complete() {
      filling?.db.exec('PRAGMA synchronous = 2; PRAGMA wal_checkpoint(TRUNCATE);');
      filling?.db.close();
      renameSync(incoming, path);
    },
    async close() {
      held.dispose();
    },
  };
}

/** Each part in a transaction of its own. */
function inTransactions(db: DatabaseSync, put: (part: Part) => void): (part: Part) => void {
  return (part) => {
    db.exec('BEGIN');
    put(part);
    db.exec('COMMIT');
  };
}

function setNumbers(db: DatabaseSync, { epochMs, logs }: StoreNumbers): void {
  prepareTables(db, epochMs, logs.length);
  const partition = query(db, 'UPDATE partition SET head = ?, term = ? WHERE n = ?');
  for (const [n, { head, term }] of logs.entries()) partition.run(head, term, n);
  const removed = Math.max(...logs.map(({ removedStreamMs }) => removedStreamMs));
  query(db, "UPDATE meta SET value = ? WHERE key = 'removed_stream_ms'").run(removed);
}
