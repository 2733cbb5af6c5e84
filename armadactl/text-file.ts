import { readFile } from 'node:fs/promises';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** Larger files are refused: what they describe should come from a program, in pieces. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

export interface TextFile {
  /** For messages. */
  name: string;
  text: string;
}

/** The text of a file, or of standard input for `-`. Throws a failure that names the file. */
export async function readTextFile(path: string, stdin: AsyncIterable<Uint8Array>): Promise<TextFile> {
  const name = path === '-' ? 'standard input' : path;
  const bytes = path === '-' ? await readAll(stdin) : await readNamed(path);
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (cause) {
    throw new Failure(ExitCode.usage, `${name} is not UTF-8 text`, { cause });
  }
}

async function readNamed(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const reasons = new Map<unknown, string>([
      ['ENOENT', 'there is no such file'],
      ['EISDIR', 'it is a folder'],
      ['EACCES', 'you may not read it'],
    ]);
    throw new Failure(ExitCode.usage, `cannot read ${path}: ${reasons.get(code) ?? String(cause)}`, {
      cause,
    });
  }
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > MAX_FILE_BYTES)
      throw new Failure(ExitCode.usage, `standard input is larger than ${MAX_FILE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
