/**
 * The file of the audit log: a JSON object a line, only ever appended to. Each
 * line holds the SHA-256 of the line before, so that what is changed or taken
 * out afterwards shows. What a crash has left of a line names none before it, so
 * the next line is linked to both. A file that was moved away is followed by a new one.
 */
import { createHash } from 'node:crypto';
import { write } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { oneLine } from '@armada-ts/api/json/one-line';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

export interface AuditFile {
  /** Takes a line, in order; it is written with the next write. */
  append(record: object): void;
  /** Why lines cannot be written; undefined while they can. */
  readonly fault: string | undefined;
}

/** Lines that wait for a disk that is full or slow; beyond that they are counted and lost. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

const RETRY_MS = 500;

/** More than the longest line has. */
const TAIL_BYTES = 64 * 1024;

/** Where lines go. */
interface Target {
  /** How many bytes were taken. */
  write(bytes: Buffer): Promise<number>;
  /** Asked between lines. */
  follow(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the file, which is made when it is not there; `-` is standard error.
 * Rejects with UNAVAILABLE when it cannot be opened.
 */
export async function openAuditFile(path: string, logger: Logger): Promise<AuditFile & AsyncDisposable> {
  const { target, last } = path === '-' ? { target: standardError(), last: '' } : await openFile(path);
  const closing = new AbortController();
  let previous = last === '' ? '' : digestOf(last);
  let waiting: string[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let fault: string | undefined;
  let writing: Promise<void> | undefined;

  const take = (record: object): void => {
    const line = lineOf({ ...record, previous });
    previous = digestOf(line);
    waiting.push(`${line}\n`);
    waitingBytes += Buffer.byteLength(line) + 1;
  };
  const fail = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    if (fault === undefined) logger.error({ fault: message, path }, 'the audit log cannot be written');
    fault = message;
  };
  const recover = (): void => {
    if (fault === undefined) return;
    fault = undefined;
    logger.warn({ path, lost }, 'the audit log is written again');
    if (lost > 0) take({ event: 'lost', lines: lost });
    lost = 0;
  };
  const writeWhole = async (bytes: Buffer): Promise<void> => {
    let written = 0;
    while (written < bytes.length) {
      try {
        if (written === 0) await target.follow();
        written += await target.write(bytes.subarray(written));
      } catch (error) {
        fail(error);
        if (closing.signal.aborted) return;
        await sleep(RETRY_MS, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      }
    }
    waitingBytes -= bytes.length;
    recover();
  };
  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const bytes = Buffer.from(waiting.join(''));
      waiting = [];
      await writeWhole(bytes);
    }
    writing = undefined;
  };

  return {
    append(record) {
      if (waitingBytes > MAX_WAITING_BYTES) {
        lost++;
        fail(new Error('more lines are waiting than may be held'));
        return;
      }
      take(record);
      writing ??= writeAll();
    },
    get fault() {
      return fault;
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await writing;
      await target.close();
    },
  };
}

/** One line of text, whatever the record holds. */
export function lineOf(record: object): string {
  return oneLine(JSON.stringify(record));
}

/** Whether a line is whole, and not what a crash has left of one. */
export function isRecord(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

/** SHA-256 of a line without its end, as the next line names it; of several with what parts them. */
export function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

function standardError(): Target {
  const writeTo = promisify(write);
  return {
    write: async (bytes) => (await writeTo(2, bytes)).bytesWritten,
    follow: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** The file, and what the next line is linked to: the last line; one that was torn by a crash is ended, and the one before it counts too. */
async function openFile(path: string): Promise<{ target: Target; last: string }> {
  try {
    let handle = await openToAppend(path);
    const tail = await tailOf(handle);
    if (tail !== '' && !tail.endsWith('\n')) await handle.write('\n');
    const target: Target = {
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      async follow() {
        const [mine, there] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
        if (there && there.ino === mine.ino && there.dev === mine.dev) return;
        const next = await openToAppend(path);
        await handle.close();
        handle = next;
      },
      close: () => handle.close(),
    };
    const lines = tail.replace(/\n$/, '').split('\n');
    const last = lines.slice(Math.max(0, lines.findLastIndex(isRecord))).join('\n');
    return { target, last };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArmadaError('UNAVAILABLE', `audit.file: ${path} cannot be used: ${reason}`, { cause: error });
  }
}

/** Readable too, for its last line; for its owner alone, as it says who does what. */
function openToAppend(path: string): Promise<FileHandle> {
  return open(path, 'a+', 0o600);
}

async function tailOf(handle: FileHandle): Promise<string> {
  const { size } = await handle.stat();
  const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, size - bytes.length);
  return bytes.subarray(0, bytesRead).toString('utf8');
}
