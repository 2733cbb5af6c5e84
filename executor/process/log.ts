import fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogPart, LogNotFound } from '../runtime.ts';
import { isMissing } from './run-directory.ts';

/** Largest part, so that a reader's memory does not depend on the log's size. */
const PART_BYTES = 64 * 1024;
/** How often a followed log is looked at. */
const FOLLOW_MS = 100;

/** A container's log as it grows. */
export interface LogSource {
  /** Where the file is now: it moves when its run is forgotten. Undefined when it is gone. */
  file(): string | undefined;
  /** Whether nothing will be added any more. */
  isComplete(): boolean;
}

/**
 * Reads a log from `offset` (negative: from its end) to its end; with `follow`
 * until it is complete. Throws LogNotFound when there is none, unless it is
 * followed and may still come.
 */
export async function* readLog(
  source: LogSource,
  offset: number,
  follow: boolean,
  signal: AbortSignal,
): AsyncIterable<LogPart> {
  let position: number | undefined;
  while (!signal.aborted) {
    // Asked before reading: what is written after a look is then found by the next one.
    const isLastLook = !follow || source.isComplete();
    const file = await openLog(source);
    if (file === undefined && isLastLook && position === undefined) {
      throw new LogNotFound('the run has written no log here');
    }
    if (file !== undefined) {
      try {
        position ??= offset < 0 ? Math.max(0, (await file.stat()).size + offset) : offset;
        for (;;) {
          const { bytesRead, buffer } = await file.read(
            Buffer.allocUnsafe(PART_BYTES),
            0,
            PART_BYTES,
            position,
          );
          if (bytesRead === 0 || signal.aborted) break;
          yield { data: buffer.subarray(0, bytesRead), offset: position };
          position += bytesRead;
        }
      } finally {
        await file.close();
      }
    }
    if (isLastLook) return;
    await sleep(FOLLOW_MS, undefined, { signal }).catch(() => {});
  }
}

async function openLog(source: LogSource): Promise<fs.FileHandle | undefined> {
  const file = source.file();
  if (file === undefined) return undefined;
  try {
    return await fs.open(file, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
