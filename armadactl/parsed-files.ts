import { Failure, joinedFailure } from './failure.ts';
import type { TextFile } from './text-file.ts';

/** Reads all files before anything is sent. Throws one failure that tells the faults of every file. */
export function parseFiles<Parsed>(files: readonly TextFile[], parse: (file: TextFile) => Parsed): Parsed[] {
  const failures: Failure[] = [];
  const parsed = files.flatMap((file) => {
    try {
      return [parse(file)];
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
      return [];
    }
  });
  if (failures.length === 0) return parsed;
  throw joinedFailure(
    failures,
    `${failures.length} of ${files.length} files cannot be used; nothing was sent`,
  );
}
