import { join } from 'node:path';
import { readKeptFile, replaceKeptFile } from '../base/kept-file.ts';

const OWNER_ONLY = 0o600;

/** Puts the operator token where an operator of this machine finds it, and tells the file. Throws UNAVAILABLE. */
export function keepTokenFile(directory: string, token: string): string {
  const file = join(directory, 'token');
  const text = `${token}\n`;
  if (readKeptFile(file) !== text) replaceKeptFile(file, text, OWNER_ONLY);
  return file;
}
