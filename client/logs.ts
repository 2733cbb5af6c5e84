import { LogServiceService } from '@armada-ts/api/armada/logs/v1/logs';
import type { Connection } from './connect.ts';
import { toClientError } from './errors.ts';
import { resuming, type ResumeOptions } from './resume.ts';
import { pause, untilClosed } from './retry.ts';

export interface ReadLogOptions extends ResumeOptions {
  jobId: string;
  /** The newest run when left out. */
  runId?: string;
  /** The first container when left out. */
  container?: string;
  /** Where to begin, in bytes; negative counts from the end. Default: the beginning. */
  offset?: bigint;
  /** Go on until the run has ended, instead of stopping at what is there now. */
  follow?: boolean;
}

/** A piece of a run's output. */
export interface LogChunk {
  data: Uint8Array;
  /** Place of the first byte of `data` in the whole output. */
  offset: bigint;
  runId: string;
}

/** What is there now is wanted now: without `follow`, no use waiting long for an executor that is away. */
const GIVE_UP_READING_MS = 15_000;
/** A run may be known to have started before its output can be read. */
const NEW_LOG_TRIES = 20;
const NEW_LOG_DELAY_MS = 100;

/**
 * Reads what a job wrote. A broken stream is resumed at the next byte of the
 * same run, so output appears once even when the server was restarted meanwhile.
 */
export async function* readLog(
  connection: Connection,
  options: ReadLogOptions,
): AsyncGenerator<LogChunk, void> {
  let runId = options.runId ?? '';
  let offset = options.offset ?? 0n;
  const signal = untilClosed(connection, options.signal);
  const open = (onSent: () => void) =>
    connection.stream(
      LogServiceService.readLog,
      {
        jobId: options.jobId,
        runId,
        container: options.container ?? '',
        offset,
        follow: options.follow ?? false,
      },
      { signal, onSent },
    );
  const patience = options.follow ? {} : { giveUpAfterMs: GIVE_UP_READING_MS };
  for await (const chunk of resuming(open, { ...patience, ...options, signal, endless: false })) {
    runId = chunk.runId;
    offset = chunk.offset + BigInt(chunk.data.length);
    yield { data: chunk.data, offset: chunk.offset, runId };
  }
}

/** The same of a run that has just started: waits a moment for a log that is not there yet. */
export async function* readNewLog(
  connection: Connection,
  options: ReadLogOptions,
): AsyncGenerator<LogChunk, void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return yield* readLog(connection, options);
    } catch (thrown) {
      const error = toClientError(thrown);
      if (error.code !== 'NOT_FOUND' || attempt === NEW_LOG_TRIES) throw error;
    }
    await pause(NEW_LOG_DELAY_MS, options.signal);
  }
}
