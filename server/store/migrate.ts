/**
 * Copies a store from one place to another and proves that the copy is right: it
 * holds the same, to the byte, and its events give its records (invariant I4).
 * Only then may servers start on it.
 */
import { ArmadaError } from '../base/errors.ts';
import type { Export, Import, StoreNumbers } from './copy.ts';
import { allJobSets, type Replay, replay } from './replay.ts';
import { createTally, type Tally } from './tally.ts';

/** What a migration is doing, and how far it is. */
export type MigrationProgress =
  | { step: 'copying' | 'comparing'; tally: Tally }
  | { step: 'replaying'; replay: Replay };

export interface Migration {
  source: Export;
  target: Import;
  onProgress: (progress: MigrationProgress) => void;
  /** Breaks it off, between two parts. */
  signal: AbortSignal;
}

/** What was copied and checked. */
export interface Migrated {
  tally: Tally;
  replay: Replay;
}

/** Faults that are told in full. */
const MAX_TOLD = 10;

/**
 * Copies, checks and completes. Throws UNAVAILABLE when the source is in use or
 * the copy is not right; the target is then incomplete, and the source as it was.
 */
export async function migrateStore(migration: Migration): Promise<Migrated> {
  const { source, target, onProgress, signal } = migration;
  const { tally, copied } = await copyStore(migration);
  try {
    const replayed = await replay(copied.read, allJobSets(copied.read), {
      onProgress(soFar) {
        signal.throwIfAborted();
        onProgress({ step: 'replaying', replay: soFar });
      },
    });
    refuseFaults(replayed);
    // Whoever wrote to the source while the copy was checked has written what it lacks.
    await source.unchanged();
    await copied.close();
    await target.complete();
    return { tally, replay: replayed };
  } finally {
    await copied.close();
  }
}

/** Copies, and reads the copy back: it holds what the source holds, to the byte. */
export async function copyStore({
  source,
  target,
  onProgress,
  signal,
}: Migration): Promise<{ tally: Tally; copied: Export }> {
  await target.begin(source.numbers);
  const tally = createTally();
  for await (const part of source.parts()) {
    signal.throwIfAborted();
    tally.add(part);
    await target.put(part);
    onProgress({ step: 'copying', tally });
  }
  const copied = await target.written();
  try {
    await source.unchanged();
    const found = createTally();
    for await (const part of copied.parts()) {
      signal.throwIfAborted();
      found.add(part);
      onProgress({ step: 'comparing', tally: found });
    }
    compare({ numbers: source.numbers, tally }, { numbers: copied.numbers, tally: found });
    return { tally, copied };
  } catch (error) {
    await copied.close();
    throw error;
  }
}

interface Content {
  numbers: StoreNumbers;
  tally: Tally;
}

function compare(source: Content, copy: Content): void {
  const wrong = source.tally.differences(copy.tally);
  const told = wrong.map((kind) => `${kind} (${source.tally.count(kind)} and ${copy.tally.count(kind)})`);
  for (const [partition, log] of source.numbers.logs.entries()) {
    const found = copy.numbers.logs[partition];
    if (log.head !== found?.head || log.term !== found.term) told.push(`the log of partition ${partition}`);
  }
  if (source.numbers.epochMs !== copy.numbers.epochMs) told.push('the epoch');
  if (told.length === 0) return;
  throw new ArmadaError('UNAVAILABLE', `the copy differs from what was copied, in ${told.join(', ')}`);
}

/** The copy is what was copied; so what is wrong with it was so before. */
function refuseFaults({ faults, faultCount }: Replay): void {
  if (faultCount === 0) return;
  const more = faultCount > MAX_TOLD ? [`and ${faultCount - MAX_TOLD} more`] : [];
  throw new ArmadaError(
    'UNAVAILABLE',
    [
      'the events do not give the records, in the source as in the copy, which is left incomplete:',
      ...faults.slice(0, MAX_TOLD),
      ...more,
    ].join('\n  '),
  );
}
