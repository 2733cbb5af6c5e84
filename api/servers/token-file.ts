/**
 * A token in a file that somebody else renews, as Kubernetes does with those of
 * pods: it is read again while it is in use.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Where Kubernetes puts what is of the service account of a pod. */
export const POD_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A file that holds no token; the message names it. */
export class TokenFileFault extends Error {}

/** How old what was read may be. Files are renewed well before the token in them ends. */
const LOOK_MS = 5_000;

/** Gives the token as it is now, and throws TokenFileFault where there is none at first. */
export function followToken(path: string): () => string {
  return followFile(path, readToken);
}

/**
 * Gives what a file says now, looked at every few seconds. One that cannot be read
 * again changes nothing, as it may be about to be replaced.
 * @param read throws TokenFileFault for a file that cannot be used
 */
export function followFile<Value>(path: string, read: (path: string) => Value): () => Value {
  let value = read(path);
  let readAtMs = performance.now();
  return () => {
    if (performance.now() - readAtMs < LOOK_MS) return value;
    readAtMs = performance.now();
    try {
      value = read(path);
    } catch (error) {
      if (!(error instanceof TokenFileFault)) throw error;
    }
    return value;
  };
}

/** Throws TokenFileFault. */
export function readToken(path: string): string {
  const text = readBytes(path).toString().trim();
  // What else a file may hold goes into no header.
  if (!/^[\x21-\x7e]+$/.test(text)) throw new TokenFileFault(`there is no token in ${path}`);
  return text;
}

/** Throws TokenFileFault. */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TokenFileFault(`cannot read ${path}: ${reason}`, { cause: error });
  }
}
