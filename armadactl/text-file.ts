import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode } from './exit-codes.ts';
import { Failure, usageFailure } from './failure.ts';

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

/** Files of these kinds are read when a folder is named; its subfolders are not. */
const FILE_KINDS = /\.(?:ya?ml|json)$/i;

/** The files that are meant, in order: folders stand for what is in them. Throws a failure that names the path. */
export async function readTextFiles(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
): Promise<TextFile[]> {
  if (paths.filter((path) => path === '-').length > 1)
    throw usageFailure('standard input can be read once only');
  const files: TextFile[] = [];
  for (const path of paths) {
    for (const file of await filesAt(path)) files.push(await readTextFile(file, stdin));
  }
  return files;
}

async function filesAt(path: string): Promise<string[]> {
  const isFolder = path !== '-' && (await stat(path).catch(() => undefined))?.isDirectory();
  if (!isFolder) return [path];
  const names = (await readdir(path)).filter((name) => FILE_KINDS.test(name)).sort();
  if (names.length === 0) throw usageFailure(`there is no .yaml, .yml or .json file in ${path}`);
  return names.map((name) => join(path, name));
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
