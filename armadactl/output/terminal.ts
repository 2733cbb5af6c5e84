import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** A stream of the process, which may be a terminal. */
export interface Sink extends Writable {
  isTTY?: boolean;
  columns?: number;
}

/** Standard output and error, with a last line on the terminal that gives way to what is printed. */
export interface Terminal {
  stdout(text: string): void;
  /** Settles when the reader has taken it in. */
  stdoutWhole(data: string | Uint8Array): Promise<void>;
  stderr(text: string): void;
  /** Replaces the last line; empty removes it. Does nothing unless standard error is a terminal. */
  lastLine(text: string): void;
  /** Whether the last line can be seen. */
  readonly hasLastLine: boolean;
  /** Of standard output; undefined when it is no terminal. */
  readonly width: number | undefined;
}

/** Some terminals do not know their size, and say 0. */
const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = '\r\u001b[K';

export function createTerminal(out: Sink, err: Sink): Terminal {
  let last = '';
  /** Both streams may be the same terminal. */
  const aside = (isTerminal: boolean, write: () => boolean): boolean => {
    if (last === '' || !isTerminal) return write();
    err.write(CLEAR_LINE);
    const taken = write();
    err.write(last);
    return taken;
  };
  return {
    stdout: (text) => void aside(out.isTTY ?? false, () => out.write(text)),
    stdoutWhole: async (data) => {
      if (!aside(out.isTTY ?? false, () => out.write(data))) await once(out, 'drain');
    },
    stderr: (text) => void aside(err.isTTY ?? false, () => err.write(text)),
    lastLine: (text) => {
      if (!err.isTTY || text === last) return;
      last = text.slice(0, Math.max(0, (err.columns || DEFAULT_COLUMNS) - 1));
      err.write(`${CLEAR_LINE}${last}`);
    },
    hasLastLine: err.isTTY ?? false,
    width: out.isTTY ? out.columns || undefined : undefined,
  };
}
