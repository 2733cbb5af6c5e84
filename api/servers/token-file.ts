/**
 * A token in a file that somebody else renews, as Kubernetes does with those of
 * pods: it is read again while it is in use.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** A file that holds no token; the message names it. */
export class TokenFileFault extends Error {}

/** How old what was read may be. Files are renewed well before the token in them ends. */
const LOOK_MS = 5_000;

/**
 * Gives the token as it is now. A file that cannot be read again changes nothing,
 * as it may be about to be replaced. Both throw TokenFileFault.
 */
export function followToken(path: string): () => string {
  let token = readToken(path);
  let readAtMs = performance.now();
  return () => {
    if (performance.now() - readAtMs < LOOK_MS) return token;
    readAtMs = performance.now();
    try {
      token = readToken(path);
    } catch (error) {
      if (!(error instanceof TokenFileFault)) throw error;
    }
    return token;
  };
}

/** Throws TokenFileFault. */
export function readToken(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TokenFileFault(`cannot read ${path}: ${reason}`, { cause: error });
  }
  // What else a file may hold goes into no header.
  if (!/^[\x21-\x7e]+$/.test(text)) throw new TokenFileFault(`there is no token in ${path}`);
  return text;
}
