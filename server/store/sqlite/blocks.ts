/**
 * Blocks of specs in their table. A block is named by its first job. Ids of a
 * request differ only in their index, so the block of a job is the last one
 * whose name is not after the job's: no look-up table is needed. It counts the
 * jobs whose records are still kept and goes with the last of them.
 */
import type { DatabaseSync } from 'node:sqlite';
import { placeOfJob } from '../../model/ids.ts';
import { cutBlocks, encodeBlock, type NewSpec, rememberBlocks } from '../blocks.ts';
import { query } from './schema.ts';

const NAME_OF_BLOCK = 'SELECT max(id) AS id FROM block WHERE id <= ?';

/** A spec and the key of its job. */
export interface KeyedSpec extends NewSpec {
  key: Uint8Array;
}

/** Statements that keep blocks, for the writer. */
export function prepareBlocks(db: DatabaseSync) {
  const insert = query(db, 'INSERT INTO block (id, jobs, bytes) VALUES (?, ?, ?)');
  const name = query<{ id: Uint8Array | null }>(db, NAME_OF_BLOCK);
  const release = query<{ jobs: number }>(db, 'UPDATE block SET jobs = jobs - ? WHERE id = ? RETURNING jobs');
  const remove = query(db, 'DELETE FROM block WHERE id = ?');
  return {
    add(specs: readonly KeyedSpec[]): void {
      for (const block of cutBlocks(specs)) {
        const [first] = block;
        if (first) insert.run(first.key, block.length, encodeBlock(block));
      }
    },
    /** These jobs are kept no longer. Counted before it is written: an update writes the whole block. */
    release(keys: readonly Uint8Array[]): void {
      const gone = new Map<string, { id: Uint8Array; jobs: number }>();
      for (const key of keys) {
        const id = name.get(key)?.id;
        if (!id) continue;
        const text = Buffer.from(id).toString('latin1');
        const known = gone.get(text);
        if (known) known.jobs++;
        else gone.set(text, { id, jobs: 1 });
      }
      for (const { id, jobs } of gone.values()) {
        if (release.get(jobs, id)?.jobs === 0) remove.run(id);
      }
    },
  };
}

/** Reads single specs. */
export function prepareSpecs(db: DatabaseSync): (jobId: string, key: Uint8Array) => Uint8Array | undefined {
  const name = query<{ id: Uint8Array | null }>(db, NAME_OF_BLOCK);
  const content = query<{ bytes: Uint8Array }>(db, 'SELECT bytes FROM block WHERE id = ?');
  const remembered = rememberBlocks();
  return (jobId, key) => {
    const id = name.get(key)?.id;
    if (!id) return undefined;
    const text = Buffer.from(id).toString('latin1');
    let specs = remembered.get(text);
    if (!specs) {
      const row = content.get(id);
      if (!row) return undefined;
      specs = remembered.add(text, row.bytes);
    }
    return specs.get(placeOfJob(jobId).index);
  };
}
