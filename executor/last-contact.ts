import fs from 'node:fs';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/** When a server was last heard of. */
export interface LastContact {
  /** For how long none had been heard of when this was made; 0 when nobody knows. */
  readonly silentForMs: number;
  /** A server has answered what was sent `agoMs` ago. */
  heard(agoMs: number): void;
}

/** Written no more often than this; silence is measured in minutes. */
const PAUSE_MS = 1_000;

/**
 * Keeps it as the time of a file, so that an executor which is started again in
 * the middle of a silence does not take it for a new one: runs of at-most-once
 * jobs would go on beyond the time after which the server gives them up. By the
 * wall clock, as nothing else outlives the process; a clock that was set back
 * makes the silence shorter, so keep clocks in step.
 */
export function lastContactFile(file: string, clock: Clock, logger: Logger): LastContact {
  const heardAtMs = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  const silentForMs = heardAtMs === undefined ? 0 : Math.max(0, clock.now() - heardAtMs);
  let writtenMs = -Infinity;
  return {
    silentForMs,
    heard(agoMs) {
      const nowMs = clock.elapsed();
      if (nowMs - writtenMs < PAUSE_MS) return;
      writtenMs = nowMs;
      const at = (clock.now() - agoMs) / 1_000;
      try {
        fs.closeSync(fs.openSync(file, 'a'));
        fs.utimesSync(file, at, at);
      } catch (error) {
        logger.warn({ file, err: error }, 'the time of the last contact cannot be kept');
      }
    },
  };
}

/** For executors whose runs end with them. */
export const nothingKept: LastContact = { silentForMs: 0, heard: () => {} };
